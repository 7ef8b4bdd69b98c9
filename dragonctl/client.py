"""The API over HTTP: log in, renew the token once, turn every failure into a ClientError."""

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import httpx

from dragonctl import login as saved
from dragonctl import record
from dragonctl.errors import ClientError, ExitCode
from dragonctl.server import Server

CONNECT_TIMEOUT = 5.0  # seconds
TIMEOUT = 30.0  # seconds; a stop goes through its ladder of 9 before it is answered
FILES = "/api/v3/fs"
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404


def quoted(part: str) -> str:
    """Make one segment of a path out of any text."""
    return quote(part, safe="")


def process_path(process_id: str, *rest: str) -> str:
    """Give the path of a process; an id may hold slashes and blanks."""
    parts = [quoted(part) for part in (process_id, *rest)]
    return "/".join(["/api/v3/process", *parts])


def system_path(*parts: str) -> str:
    """Give a path below the API's root; a part may hold slashes."""
    return "/".join(["/api/v3", *(quote(part, safe="") for part in parts)])


class Client:
    """One server. Not thread-safe; close it, or use it with ``with``."""

    def __init__(self, server: Server, *, timeout: float = TIMEOUT) -> None:
        self._server = server
        self._token = server.token or (server.login.access_token if server.login else "")
        self._http = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT)),
            headers={"User-Agent": f"dragonctl/{version('dragonctl')}"},
            # a proxy from the environment would read a token that goes over plain http
            trust_env=server.url.startswith("https:"),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def token(self) -> str:
        """The token of the last request; "" when the server wants none."""
        return self._token

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        return self.request("GET", path, params=params, timeout=timeout)

    def put(self, path: str, body: Any) -> Any:
        return self.request("PUT", path, body=body)

    def put_null(self, path: str) -> Any:
        """Put JSON's null, which takes a value away."""
        return self.request("PUT", path, is_null=True)

    def post(self, path: str, body: Any) -> Any:
        return self.request("POST", path, body=body)

    def delete(self, path: str) -> Any:
        return self.request("DELETE", path)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        is_null: bool = False,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Ask, and give the JSON of the answer, None if it is something else."""
        request = self._http.build_request(
            method,
            self.url + path,
            json=body,
            content=b"null" if is_null else None,
            headers={"Content-Type": "application/json"} if is_null else None,
            params=params,
            timeout=httpx.USE_CLIENT_DEFAULT if timeout is None else timeout,
        )
        if not self._token and self._server.password:
            self._log_in()
        response = self._send(request)
        if response.status_code == UNAUTHORIZED and self._renew():
            response = self._send(request)
        return self._content(response)

    def download(self, path: str, target: BinaryIO) -> None:
        """Write the bytes of an answer as they come."""
        self.get(FILES)  # renews the token, so that the answer below needs no second try
        request = self._http.build_request("GET", self.url + path)
        response = self._send(request, is_stream=True)
        try:
            if response.is_error:
                response.read()
                self._content(response)
            target.writelines(response.iter_bytes())
        except httpx.HTTPError as error:
            raise self._unreachable(f"{_plain(str(error))}; try again") from None
        finally:
            response.close()

    def upload(self, path: str, source: BinaryIO) -> None:
        """Send a file as it is read."""
        self.get(FILES)
        self._content(
            self._send(self._http.build_request("PUT", self.url + path, content=source))
        )

    def log_in(self, username: str, password: str) -> tuple[str, str]:
        """Give access and refresh token; both "" if the server wants no login."""
        account = {"username": username, "password": password}
        request = self._http.build_request("POST", f"{self.url}/api/login", json=account)
        response = self._exchange(request)
        if response.status_code == NOT_FOUND:
            self._check_open()
            return "", ""
        if response.status_code == UNAUTHORIZED:
            text = f"{self.url} doesn't take this user name and password: try again"
            raise ClientError(text, ExitCode.UNREACHABLE, status=UNAUTHORIZED)
        body = self._content(response)
        access = record.text(body, "access_token")
        if not access:
            raise self._stranger()
        return access, record.text(body, "refresh_token")

    def _log_in(self) -> None:
        self._token, _ = self.log_in(self._server.username, self._server.password)

    def _check_open(self) -> None:
        """Without a login route this is a server with auth off, or no such server at all."""
        about = self._content(
            self._exchange(self._http.build_request("GET", f"{self.url}/api"))
        )
        if not record.text(about, "app"):
            raise self._stranger()

    def _renew(self) -> bool:
        """Get a new token after a 401; False if there is no way to."""
        if self._server.password and not self._server.token:
            self._log_in()
            return bool(self._token)
        if self._server.login is None or self._server.place is None:
            return False
        with saved.locked(self._server.place):
            login = saved.load(self._server.place)
            if login is None or login.url != self.url:
                return False
            if login.access_token == self._token:  # else another dragonctl renewed it already
                renewed = self._refresh(login)
                if renewed is None:
                    return False
                saved.save(self._server.place, login := renewed)
        self._token = login.access_token
        return True

    def _refresh(self, login: saved.Login) -> saved.Login | None:
        request = self._http.build_request(
            "GET",
            f"{self.url}/api/login/refresh",
            headers={"Authorization": f"Bearer {login.refresh_token}"},
        )
        response = self._exchange(request)
        if response.status_code != httpx.codes.OK:
            return None
        body = self._content(response)
        access = record.text(body, "access_token")
        refresh = record.text(body, "refresh_token") or login.refresh_token
        return replace(login, access_token=access, refresh_token=refresh) if access else None

    def _send(self, request: httpx.Request, *, is_stream: bool = False) -> httpx.Response:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return self._exchange(request, is_stream=is_stream)

    def _exchange(self, request: httpx.Request, *, is_stream: bool = False) -> httpx.Response:
        try:
            return self._http.send(request, stream=is_stream)
        except httpx.TimeoutException as error:
            raise self._unreachable(_timeout_words(error)) from None
        except httpx.ConnectError as error:
            raise self._unreachable(_connect_words(str(error))) from None
        except httpx.RemoteProtocolError:
            raise self._unreachable("what answers there doesn't speak HTTP") from None
        except httpx.HTTPError as error:
            raise self._unreachable(f"{_plain(str(error))}; try again") from None

    def _unreachable(self, words: str) -> ClientError:
        return ClientError(f"cannot reach {self.url}: {words}", ExitCode.UNREACHABLE)

    def _stranger(self) -> ClientError:
        text = f"{self.url} answers, but not with dragonctl's API: check the address"
        return ClientError(text, ExitCode.UNREACHABLE)

    def _content(self, response: httpx.Response) -> Any:
        if response.has_redirect_location:
            place = response.headers.get("location", "")
            text = f"{self.url} sends us on to {place}: use that address"
            raise ClientError(text, ExitCode.UNREACHABLE)
        if response.is_error:
            raise self._refusal(response)
        if not _is_json(response):
            return None
        try:
            return response.json()
        except (ValueError, RecursionError):
            raise self._stranger() from None

    def _refusal(self, response: httpx.Response) -> ClientError:
        status = response.status_code
        if status == UNAUTHORIZED:
            text = f"{self.url} doesn't let us in: {self._login_advice()}"
            return ClientError(text, ExitCode.UNREACHABLE, status=status)
        words, reason = _refusal_words(response)
        if status == FORBIDDEN:
            text = (
                f"not allowed: {words or 'this token lacks the right'}; log in as somebody else"
            )
            return ClientError(text, ExitCode.UNREACHABLE, status=status, reason=reason)
        if not words:
            words = f"{self.url} answers {status} {response.reason_phrase}"
        wait = response.headers.get("retry-after", "")
        if wait.isascii() and wait.isdecimal():
            words += f"; try again in {wait} s"
        return ClientError(words, status=status, reason=reason)

    def _login_advice(self) -> str:
        if self._server.token:
            return "the token in DRAGONCTL_TOKEN is wrong or has expired"
        if self._server.login:
            return f"the login has expired; run `dragonctl login {self.url}`"
        return f"run `dragonctl login {self.url}`"


def _is_json(response: httpx.Response) -> bool:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return bool(kind == "application/json" or kind.endswith("+json"))


def _refusal_words(response: httpx.Response) -> tuple[str, str]:
    """Give the server's own sentence and its stable word; "" for what it doesn't say."""
    try:
        body = response.json() if _is_json(response) else None
    except (ValueError, RecursionError):
        body = None
    message = record.text(body, "message")
    details = [line for line in record.items(body, "details") if isinstance(line, str)]
    if not message and isinstance(body, dict):  # a refused configuration: key -> reasons
        details = [f"{key}: {why}" for key in body for why in record.items(body, key)]
    words = ": ".join(part for part in (message, "; ".join(details)) if part)
    return words, record.text(body, "reason")


def _timeout_words(error: httpx.TimeoutException) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return "no answer; check the address, and the firewall on the way"
    return "it takes too long to answer; look at its log"


def _connect_words(text: str) -> str:
    plain = _plain(text)
    if "refused" in plain:
        return "connection refused; is `dragonctl serve` running there?"
    if "certificate" in plain.lower():
        why = "set SSL_CERT_FILE to the certificate of your own authority"
        return f"its certificate is not trusted ({plain}); if it should be, {why}"
    if "name" in plain.lower() or "nodename" in plain:
        return f"{plain}; check the spelling of the host"
    if "ssl" in plain.lower():
        return f"{plain}; does this port speak https?"
    return plain


def _plain(text: str) -> str:
    """Without "[Errno 111] ", and small at the beginning."""
    words = text.partition("] ")[2] if text.startswith("[") else text
    return words[:1].lower() + words[1:] or "the connection broke"
