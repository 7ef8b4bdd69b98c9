"""Claims: what a token says, signed and read back strictly (RFC 7519, RFC 8725).

datarhei's claims are kept (``iss``, ``sub``, ``usefor``, ``exi``, ``jti``); ours beside them
are ``aud``, ``nbf``, ``scope``, ``pid`` (a viewer's process), ``fam`` (one login's tokens),
``prv`` (the refresh token that this one replaces), ``mxv`` and ``mxs`` (how many may watch by a
viewer's token at once, and for how many seconds each) and ``epo`` (the user's epoch).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from daemon.errors import AuthError

ALGORITHM = "HS256"  # fixed: what a token's header says is never believed
ISSUER = "datarhei-core"  # clients look at it
AUDIENCE = "dragonctl"
ACCESS, REFRESH, VIEW = "access", "refresh", "view"  # what a token is for, ``usefor``
LEEWAY = 30  # seconds between two clocks
MAX_TOKEN = 4096  # characters; ours have 600
BAD_TOKEN = "Missing or invalid JWT token"  # noqa: S105 - a sentence, datarhei's
KeyOf = Callable[[object], bytes | None]  # by the header's kid, whatever that is
REQUIRED = ("exp", "iat", "nbf", "iss", "aud", "sub", "jti", "usefor", "scope")

ALL_SCOPES = frozenset(
    {
        "process:read",
        "process:write",
        "process:control",
        "whep:view",
        "config:read",
        "config:write",
        "system:read",
        "user:write",
    }
)


@dataclass(frozen=True, slots=True)
class Claims:
    """Who it is and what they may do. ``expires_at`` is in seconds of the wall clock.

    ``process_id`` binds the token to that process and to nothing else. ``previous`` is, in a
    refresh token, the one that it replaces. ``max_viewers`` and ``max_view_seconds`` are limits
    of a viewer's token; 0 is none of its own. ``epoch`` is the user's when it was made.
    """

    subject: str
    scopes: frozenset[str]
    process_id: str | None
    token_id: str
    expires_at: int
    family: str = ""
    previous: str = ""
    max_viewers: int = 0
    max_view_seconds: int = 0
    epoch: str = ""

    def allows(self, scope: str, process_id: str | None = None) -> bool:
        """Whether this token may do ``scope``, to that process if one is named."""
        if self.process_id is not None and self.process_id != process_id:
            return False
        return scope in self.scopes


def sign(
    claims: Claims, usefor: str, *, lifetime: int, kid: str, key: bytes, issued_at: int
) -> str:
    """Make the token; ``claims.expires_at`` must be ``issued_at + lifetime``."""
    payload: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": claims.subject,
        "usefor": usefor,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": claims.expires_at,
        "exi": lifetime,
        "jti": claims.token_id,
        "scope": " ".join(sorted(claims.scopes)),
    }
    optional: dict[str, Any] = {
        "pid": claims.process_id,
        "fam": claims.family,
        "prv": claims.previous,
        "mxv": claims.max_viewers,
        "mxs": claims.max_view_seconds,
        "epo": claims.epoch,
    }
    payload |= {name: value for name, value in optional.items() if value}
    return jwt.encode(payload, key, algorithm=ALGORITHM, headers={"kid": kid})


def read(token: str, usefor: Collection[str], *, key_of: KeyOf, now: float) -> Claims:
    """Check and take apart. Raises AuthError for whatever isn't exactly ours, and for such."""
    if len(token) > MAX_TOKEN or not token.isascii():
        raise AuthError(BAD_TOKEN)
    try:
        # of the header only the key's id counts, and only to look it up in our own table
        key = key_of(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise AuthError(BAD_TOKEN)
        payload = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            # the times are checked below, by the clock that we were given
            options={
                "require": list(REQUIRED),
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise AuthError(BAD_TOKEN) from None
    use = payload["usefor"]
    if not isinstance(use, str) or use not in usefor or not _is_current(payload, now):
        raise AuthError(BAD_TOKEN)
    return _claims(payload)


def _is_current(payload: Mapping[str, Any], now: float) -> bool:
    times = [payload["exp"], payload["nbf"], payload["iat"]]
    if any(type(time) is not int for time in times):
        return False
    expires_at, not_before, issued_at = (int(time) for time in times)
    # a viewer's token is made and read by one clock, and its end is a promise to who shared it
    late = 0 if payload["usefor"] == VIEW else LEEWAY
    return now < expires_at + late and max(not_before, issued_at) <= now + LEEWAY


def _claims(payload: Mapping[str, Any]) -> Claims:
    process_id = payload.get("pid")
    texts = [payload["sub"], payload["jti"], payload["scope"], process_id or ""]
    texts += [payload.get("fam", ""), payload.get("prv", ""), payload.get("epo", "")]
    numbers = [payload.get("mxv", 0), payload.get("mxs", 0)]
    if not all(isinstance(text, str) for text in texts):
        raise AuthError(BAD_TOKEN)
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise AuthError(BAD_TOKEN)
    return Claims(
        subject=texts[0],
        scopes=frozenset(texts[2].split()) & ALL_SCOPES,
        process_id=process_id,
        token_id=texts[1],
        expires_at=payload["exp"],
        family=texts[4],
        previous=texts[5],
        max_viewers=numbers[0],
        max_view_seconds=numbers[1],
        epoch=texts[6],
    )
