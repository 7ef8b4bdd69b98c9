"""The HTTP half of WHEP: POST, redirects, DELETE (draft-ietf-wish-whep)."""

import asyncio
import json
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import httpx

from dragonctl.whep_test.answer import MAX_ANSWER
from dragonctl.whep_test.model import Options

MAX_REDIRECTS = 5
MAX_TEXT = 200  # characters of a server's own words that we repeat
DELETE_TIMEOUT = 3.0  # seconds; also what Ctrl-C may take
SDP = "application/sdp"
REDIRECTS = {301, 302, 303, 307, 308}
FAITHFUL_REDIRECTS = {307, 308}  # the others turn a POST into a GET


class SignallingError(Exception):
    """The exchange did not come to an answer; ``code`` and ``text`` make a Reason."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


UNANSWERED = (
    TimeoutError,
    httpx.HTTPError,
    httpx.InvalidURL,
    ValueError,
    SignallingError,
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answered request; ``url`` is where it ended after redirects."""

    url: str
    status: int
    headers: httpx.Headers
    body: str = field(repr=False)
    redirects: tuple[int, ...] = ()

    @property
    def media_type(self) -> str:
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def made_session(self) -> bool:
        """Tell whether there may be something to DELETE: 406 is a counter-offer."""
        return 200 <= self.status < 300 or self.status == 406

    @property
    def session_url(self) -> str | None:
        """The absolute session URL, if a Location was given that HTTP can reach."""
        location = self.headers.get("location")
        if not location:
            return None
        try:
            url = urljoin(self.url, location)
            parts = urlsplit(url)
        except ValueError:
            return None
        return url if parts.scheme in {"http", "https"} and parts.hostname else None

    def words(self) -> str:
        """Give the server's own reason, made fit for a terminal; empty if it gave none."""
        return clean(_error_text(self.body, self.media_type))


def _error_text(body: str, media_type: str) -> str:
    if "json" not in media_type:
        return body if media_type == "text/plain" else ""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict):
        return ""
    words = [value.get(key) for key in ("title", "error", "message", "detail", "reason")]
    return ": ".join(dict.fromkeys(word for word in words if isinstance(word, str) and word))


def clean(text: str) -> str:
    """Keep one printable line of bounded length."""
    line = " ".join(text.split())
    return "".join(char for char in line if char.isprintable())[:MAX_TEXT]


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Say who answers at an address."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname, port


class Signalling:
    """One test's HTTP side; viewers share its connections."""

    def __init__(self, http: httpx.AsyncClient, options: Options) -> None:
        self._http = http
        self._options = options
        self._origin = origin(options.url)

    async def post(self, offer: str) -> Exchange:
        """POST an offer, following faithful redirects. Raises SignallingError."""
        options = self._options
        try:
            async with asyncio.timeout(options.timeout):
                return await self._post(offer)
        except (TimeoutError, httpx.TimeoutException):
            text = f"no answer to the POST within {options.timeout:g} s: is the server busy?"
            raise SignallingError("http-timeout", f"{text} lengthen --timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            text = clean(str(error)) or type(error).__name__
            advice = "check the address, that the server runs, and its certificate"
            raise SignallingError(
                "unreachable", f"the POST failed ({text}): {advice}"
            ) from None

    async def delete(self, exchange: Exchange) -> int | None:
        """End the session; None if there is nothing to end or nobody answered."""
        url = exchange.session_url
        if url is None:
            return None
        try:
            async with asyncio.timeout(DELETE_TIMEOUT):
                return (await self._request("DELETE", url, "")).status
        except UNANSWERED:
            return None

    async def ask(self, method: str, url: str) -> Exchange | None:
        """Send a request whose answer only a protocol check cares for."""
        try:
            async with asyncio.timeout(self._options.timeout):
                return await self._request(method, url, "")
        except UNANSWERED:
            return None

    async def _post(self, offer: str) -> Exchange:
        url = self._options.url
        seen: list[int] = []
        while True:
            exchange = await self._request("POST", url, offer, tuple(seen))
            if exchange.status not in REDIRECTS:
                return exchange
            seen.append(exchange.status)
            target = exchange.session_url
            if exchange.status not in FAITHFUL_REDIRECTS or target is None:
                text = f"the server redirects with {exchange.status}"
                advice = "WHEP allows 307 and 308 with a Location only: use the final URL"
                raise SignallingError("bad-redirect", f"{text}: {advice}")
            if len(seen) > MAX_REDIRECTS:
                text = f"more than {MAX_REDIRECTS} redirects: the server sends us in circles"
                raise SignallingError("bad-redirect", text)
            url = target

    async def _request(
        self, method: str, url: str, content: str, redirects: tuple[int, ...] = ()
    ) -> Exchange:
        headers = self._headers(url)
        if content:
            headers["Content-Type"] = SDP
        request = self._http.stream(
            method, url, content=content.encode(), headers=headers, follow_redirects=False
        )
        async with request as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    text = f"the body is longer than {MAX_ANSWER} bytes"
                    raise SignallingError("bad-answer", f"{text}: is this a WHEP endpoint?")
        text = body.decode("utf-8", errors="replace")
        return Exchange(url, response.status_code, response.headers, text, redirects)

    def _headers(self, url: str) -> dict[str, str]:
        """Credentials are for the host the user named, not for where it sends us."""
        if origin(url) != self._origin:
            return {}
        headers = dict(self._options.headers)
        if self._options.token is not None:
            headers["Authorization"] = f"Bearer {self._options.token}"
        return headers
