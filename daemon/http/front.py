"""Front: the server where the configuration wants it, in clear and by TLS."""

import asyncio

from hypercorn.typing import ASGIFramework

from daemon.config import Config
from daemon.http.listening import Place
from daemon.http.server import Server
from daemon.http.tls import Certificate

CHECK = 60.0  # seconds; certbot and others replace the files without telling us


class Front:
    """Serves ``app``; a reload may move it while requests go on."""

    def __init__(self, app: ASGIFramework) -> None:
        self._server = Server(app)
        self._certificate: Certificate | None = None
        self._files = ("", "")

    async def listen(self, config: Config) -> list[str]:
        """Listen where it says and nowhere else; gives each ``http://host:port``.

        Raises ConfigError; then all stays as it was.
        """
        tls = config.tls
        places = [Place(config.address)]
        files = (tls.cert_file, tls.key_file)
        certificate = self._certificate if files == self._files else None
        if tls.enable:
            if certificate is None:
                certificate = await asyncio.to_thread(Certificate, *files)
            else:
                await asyncio.to_thread(certificate.reload)
            places.append(Place(tls.address, certificate.context))
        shown = await self._server.listen(places)
        self._certificate, self._files = certificate, files
        return shown

    async def run(self) -> None:
        """Take a new certificate when there is one, until cancelled."""
        while True:
            await asyncio.sleep(CHECK)
            if self._certificate is not None:
                await self._certificate.check()

    async def end(self) -> None:
        """Take no more requests, and at most 3 s for those that are open."""
        await self._server.end()
