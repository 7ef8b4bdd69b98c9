"""HLS playlists with a session in every address, so that viewers can be counted (RFC 8216).

A player loads the first playlist again and again; only a playlist above it can give each player
an address of its own. So who asks for a media playlist gets a made-up one first.
"""

import re
from urllib.parse import quote, urlencode, urlsplit

from daemon.http.schema import SHORT_ID

SESSION = "session"
MAX_PLAYLIST = 4 * 1024 * 1024  # bytes; a longer one is sent as it is
CONTENT_TYPE = "application/vnd.apple.mpegurl"

_ID = re.compile(f"[{SHORT_ID}]{{22}}")
_URI = re.compile(r'(URI=")([^"\r\n]*)(")')
_GRANT = re.compile(r"[^\s\"]*/memfs/~[\w-]{16,}/")  # FFmpeg may write its own address down
_MASTER = b"#EXT-X-STREAM-INF"


def is_playlist(path: str) -> bool:
    """Tell by the name."""
    return path.lower().endswith(".m3u8")


def is_id(text: str) -> bool:
    """Whether we could have made this session."""
    return _ID.fullmatch(text) is not None


def is_master(data: bytes) -> bool:
    """Whether it lists variants, each with a playlist of its own."""
    return _MASTER in data


def made_up_master(path: str, query: list[tuple[str, str]], session_id: str) -> bytes:
    """Point at the playlist of the same path, under a session."""
    fields = [*((name, value) for name, value in query if name != SESSION)]
    target = quote(path.rpartition("/")[2])
    target += "?" + urlencode([*fields, (SESSION, session_id)])
    return (f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:BANDWIDTH=1024\n{target}\n").encode()


def with_session(data: bytes, session_id: str) -> bytes:
    """Put the session into every address of the same server; others stay as they are."""
    lines = without_grants(data).decode("utf-8", "replace").splitlines()
    changed = [_with_session(line, session_id) for line in lines]
    return ("\n".join(changed) + "\n").encode()


def without_grants(data: bytes) -> bytes:
    """Take out what only FFmpeg may know: the address that it wrote to becomes a name."""
    text = data.decode("utf-8", "surrogateescape")
    return _GRANT.sub("", text).encode("utf-8", "surrogateescape")


def _with_session(line: str, session_id: str) -> str:
    if not line.strip():
        return line
    if not line.startswith("#"):
        return _add(line, session_id)
    return _URI.sub(lambda match: match[1] + _add(match[2], session_id) + match[3], line)


def _add(address: str, session_id: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    if parts.scheme or parts.netloc or f"{SESSION}=" in parts.query:
        return address
    query = f"{parts.query}&" if parts.query else ""
    return parts._replace(query=f"{query}{SESSION}={session_id}").geturl()
