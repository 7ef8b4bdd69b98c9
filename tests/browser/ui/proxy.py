"""A reverse proxy that serves the daemon below a path, as people put it behind one."""

import http.client
import http.server
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

CHUNK = 65536
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length"}


class _Handler(http.server.BaseHTTPRequestHandler):
    """Passes one request on; the end of the connection is the end of the answer."""

    prefix = ""
    port = 0

    def relay(self) -> None:
        if not self.path.startswith(f"{self.prefix}/"):
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
        headers["X-Forwarded-Prefix"] = self.prefix
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as daemon:
            daemon.request(self.command, self.path.removeprefix(self.prefix), body, headers)
            with daemon.getresponse() as answer:
                self.answer(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = relay  # noqa: N815 - the base class's names

    def answer(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.end_headers()
        while chunk := answer.read1(CHUNK):
            self.wfile.write(chunk)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (base class)
        """Say nothing: a failing test shows what matters."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True  # one side has left


@contextmanager
def below(prefix: str, port: int) -> Iterator[int]:
    """Serve the daemon of ``port`` below ``prefix``; gives the proxy's own port."""
    handler = type("_Below", (_Handler,), {"prefix": prefix, "port": port})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()
