"""TLS: one context whose certificate is exchanged without closing anything (H8)."""

import asyncio
import logging
import ssl
from pathlib import Path

from daemon.errors import ConfigError

log = logging.getLogger(__name__)

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # TLS 1.2; those of 1.3 are all good


class Certificate:
    """A certificate with its key, in files. ``context`` is for servers and stays the same."""

    def __init__(self, cert_file: str, key_file: str) -> None:
        """Read the files. Blocks. Raises ConfigError."""
        self._files = (Path(cert_file), Path(key_file))
        self.context = _new_context()
        self._stamp: tuple[float, ...] = ()
        self.reload()

    def reload(self) -> None:
        """Read the files again; raises ConfigError, and then the old ones go on."""
        stamp = self._read_stamp()
        _load(_new_context(), *self._files)  # a live context could be left half changed
        _load(self.context, *self._files)
        self._stamp = stamp

    async def check(self) -> None:
        """Take new files, if there are; say so, or why not."""
        try:
            if await asyncio.to_thread(self._read_stamp) != self._stamp:
                await asyncio.to_thread(self.reload)
                log.info("tls: a new certificate is in use")
        except ConfigError as error:
            log.warning("tls: the old certificate goes on: %s", error.message)

    def _read_stamp(self) -> tuple[float, ...]:
        try:
            return tuple(file.stat().st_mtime for file in self._files)
        except OSError as error:
            raise ConfigError(f"{error.filename}: {error.strerror}") from None


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, cert_file: Path, key_file: Path) -> None:
    try:
        # no password callback would mean a prompt on the terminal
        context.load_cert_chain(cert_file, key_file, password=lambda: "")
    except (OSError, ValueError) as error:
        why = f"{cert_file} and {key_file} are no certificate with its unencrypted key"
        problems = {"tls.cert_file": [why]}
        raise ConfigError(f"tls.cert_file: {why}", problems=problems) from error
