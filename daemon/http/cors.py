"""Headers on every answer: CORS (Fetch standard, 3.2), and what keeps browsers careful."""

from quart import Response, request

METHODS = "GET, HEAD, PUT, POST, DELETE, PATCH, OPTIONS"
# by name: the wildcard never covers Authorization
HEADERS = "Authorization, Content-Type, If-Match, Accept, Origin, Content-Length"
EXPOSED = "Location, Link, ETag, Accept-Patch, Retry-After, WWW-Authenticate, Content-Length"
MAX_AGE = 86400  # seconds
SAFE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Cors:
    """Which pages may call this API. Tokens travel in a header, so no credentials are needed.

    ``origins`` are exact, or ``*`` for all. Answers to strangers' pages carry no CORS header.
    """

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origins)

    def answer_preflight(self) -> Response | None:
        """Answer a preflight, before anybody asks for a token; for ``before_request``."""
        if (
            request.method != "OPTIONS"
            or "Access-Control-Request-Method" not in request.headers
        ):
            return None
        response = Response(b"", 204)
        del response.headers["Content-Type"]
        if self._allowed_origin():
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = HEADERS
            response.headers["Access-Control-Max-Age"] = str(MAX_AGE)
        return response

    def finish(self, response: Response) -> Response:
        """Add the headers, to errors too: else a script only sees "network error"."""
        if request.path == "/api" or request.path.startswith("/api/"):
            for name, value in SAFE.items():
                response.headers.setdefault(name, value)
        if origin := self._allowed_origin():
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
        if "*" not in self._origins:
            response.vary.add("Origin")
        return response

    def _allowed_origin(self) -> str | None:
        if "*" in self._origins:
            return "*"
        origin = request.headers.get("Origin", "")
        return origin if origin in self._origins else None
