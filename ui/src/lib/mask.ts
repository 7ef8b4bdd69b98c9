/** mask(): take secrets out of what is shown or copied: user-info, tokens, stream keys. */

const USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)[^/?#@\s]+@/gi;
const QUERY =
  /([?&;](?:[a-z0-9_.-]*(?:token|key|secret|password|passphrase|passwd|pwd|signature|sig|auth|streamid))=)[^&#\s'"]+/gi;
const RTMP_KEY = /(rtmps?:\/\/[^/\s]+\/[^/\s]+\/)[^\s?'"]+/gi;
const BEARER = /\b(bearer\s+)[A-Za-z0-9._~+/-]+=*/gi;
const JWT = /\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g;
const ICE = /(a=(?:ice-pwd|ice-ufrag|fingerprint):)[^\r\n]+/gi;
const CANDIDATE = /\b(ufrag )\S+/g;

export function mask(text: string): string {
  return text
    .replace(USER_INFO, "$1•••@")
    .replace(RTMP_KEY, "$1•••")
    .replace(QUERY, "$1•••")
    .replace(BEARER, "$1•••")
    .replace(JWT, "•••")
    .replace(ICE, "$1•••")
    .replace(CANDIDATE, "$1•••");
}
