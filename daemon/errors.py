"""Every exception that the daemon raises on purpose, by whose fault it is and what to do.

Only ``daemon.http.errors`` knows which status each one becomes.
"""

from collections.abc import Iterable


class DragonError(Exception):
    """Something a user or a peer should hear about, in one sentence.

    ``details`` are further lines, each of which names a place; ``reason`` is a stable word for
    machines, such as ``no-common-codec``.
    """

    def __init__(self, message: str, *, details: Iterable[str] = (), reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.details = list(details)
        self.reason = reason


class ConfigError(DragonError):
    """A configuration that can't be used.

    ``problems`` maps a dotted key (``webrtc.public_ip``) to the reasons why.
    """

    def __init__(
        self,
        message: str,
        *,
        problems: dict[str, list[str]] | None = None,
        details: Iterable[str] = (),
    ) -> None:
        self.problems = problems or {}
        lines = [f"{key}: {why}" for key, reasons in self.problems.items() for why in reasons]
        super().__init__(message, details=[*lines, *details])


class NotFoundError(DragonError):
    """The thing that was named doesn't exist."""


class ConflictError(DragonError):
    """The thing exists, but its state forbids this."""


class NotReadyError(ConflictError):
    """Not now; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: int, reason: str = "") -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after


class InvalidError(DragonError):
    """What was asked for makes no sense, and ``details`` name where."""


class AuthError(DragonError):
    """Nobody we know, or a token that no longer counts."""


class ForbiddenError(DragonError):
    """Somebody we know, without the right to do this."""


class LimitError(DragonError):
    """One caller asks for too much; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: int, reason: str = "") -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after


class OverloadError(LimitError):
    """All callers together ask for too much, or a part of the daemon is off."""


class StorageError(DragonError):
    """The change could not be written, so it was not made."""


class StorageFullError(StorageError):
    """The disk is full."""


class NegotiationError(DragonError):
    """A well-formed offer that we can't serve: no common codec, no BUNDLE, wrong role."""


class ProtocolError(DragonError):
    """Bytes from outside that break their protocol: dropped and counted, never fatal."""

    def __init__(self, message: str = "malformed", *, details: Iterable[str] = ()) -> None:
        super().__init__(message, details=details)


class StunError(ProtocolError):
    """Not a STUN message that we accept (RFC 8489)."""


class DtlsError(ProtocolError):
    """A handshake that failed, or a certificate that doesn't match the offer (RFC 5764)."""


class SrtpError(ProtocolError):
    """Failed authentication, replay, or a size out of range (RFC 3711)."""


class RtpError(ProtocolError):
    """Not an RTP or RTCP packet that we accept (RFC 3550)."""


class SdpError(ProtocolError):
    """Not a session description that we accept (RFC 8866)."""
