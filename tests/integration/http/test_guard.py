"""The guard: who may do what, from where; log in and refresh (datarhei-core.md e; A5, H5)."""

import re
from collections.abc import Iterator

import pytest
from quart import Quart
from werkzeug.routing import Rule

from daemon.errors import AuthError, LimitError
from daemon.http.guard import Scope, check_scopes, needs, scope_of
from tests.integration.http.scripted import ALL_SCOPES, Api, config, token

OPEN = frozenset({Scope.PUBLIC, Scope.SESSION})


def matrix() -> Iterator[tuple[str, str, Scope]]:
    """Every route of the application: method, path, scope."""
    app = Api(config()).app
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<segment:process_id>", "cam", rule.rule)
        path = re.sub(r"<[^>]+>", "x", path)
        for method in sorted(rule.methods or ()):
            yield method, path, scope_of_rule(app, rule)


def scope_of_rule(app: Quart, rule: Rule) -> Scope:
    scope = scope_of(app.view_functions[rule.endpoint])
    assert scope is not None
    return scope


MATRIX = sorted(matrix())
GUARDED = [row for row in MATRIX if row[2] not in OPEN]


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
async def test_a_route_opens_for_its_scope_only(method: str, path: str, scope: Scope) -> None:
    api = Api(config())

    async def status(headers: dict[str, str]) -> int:
        return (await api.call(method, path, headers=headers)).status_code

    assert await status({}) == 401
    assert await status({"Authorization": "Bearer garbage"}) == 401
    assert await status(token(ALL_SCOPES - {scope.value})) == 403
    assert await status(token(frozenset({scope.value}), "another")) == 403


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [row for row in GUARDED if row[1].startswith("/api/v3/process/cam")],
)
async def test_a_token_for_one_process_opens_that_process(
    method: str, path: str, scope: Scope
) -> None:
    headers = token(frozenset({scope.value}), "cam")
    status = (await Api(config()).call(method, path, headers=headers)).status_code
    assert status not in {401, 403, 500}


def test_the_matrix_knows_every_kind_of_scope() -> None:
    assert {scope for _, _, scope in MATRIX} == set(Scope)
    assert len(GUARDED) > 25


@pytest.mark.parametrize(("method", "path", "scope"), [row for row in MATRIX if row[2] in OPEN])
async def test_open_routes_are_these(method: str, path: str, scope: Scope) -> None:
    session = "/api/v3/process/cam/whep/x"
    if scope is Scope.SESSION:
        assert path in {session, f"{session}/sse"}
    else:
        assert path in {
            "/ping", "/api", "/api/login", "/api/login/refresh", "/api/swagger/doc.json",
            "/api/v3/openapi.json", "/", "/ui", "/ui/", "/ui/x", "/x", "/memfs/x",
            "/api/v3/widget/process/cam",
            f"{session}/sse/x",  # its address is a secret
        } or (method == "OPTIONS" and "/whep" in path)  # fmt: skip


def test_a_route_without_a_scope_stops_the_start() -> None:
    app = Quart(__name__, static_folder=None)

    @app.get("/open")
    async def forgotten() -> str:
        return ""

    with pytest.raises(AssertionError, match="/open"):
        check_scopes(app)
    needs(Scope.PUBLIC)(forgotten)
    check_scopes(app)


async def test_a_rename_needs_the_right_to_the_new_id_too() -> None:
    api = Api(config())
    mine = token(frozenset({"process:write"}), "cam")
    assert (
        await api.call("PUT", "/api/v3/process/cam", body={}, headers=mine)
    ).status_code == 200
    renamed = await api.call("PUT", "/api/v3/process/cam", body={"id": "b"}, headers=mine)
    assert renamed.status_code == 403
    assert list(api.restreamer.kept) == ["cam"]


async def test_401_is_datarheis_and_has_a_challenge() -> None:
    response = await Api().call("GET", "/api/v3/process", headers={"Authorization": "Bearer x"})
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert await response.get_json() == {
        "code": 401,
        "message": "Unauthorized",
        "details": ["Missing or invalid JWT token"],
        "reason": "missing-or-invalid-token",
    }


@pytest.mark.parametrize("path", ["/api/", "/api/v3", "/api/v3/nothing", "/api/v3/fs/disk/"])
async def test_an_unknown_route_is_401_for_strangers_and_404_for_others(path: str) -> None:
    api = Api()
    assert (await api.call("GET", path, headers={})).status_code == 401
    assert (await api.call("GET", path)).status_code == 404


async def test_an_unknown_path_outside_the_api_is_404() -> None:
    response = await Api().call("GET", "/index.html", headers={})
    assert (await response.get_json())["code"] == 404


async def test_a_token_in_the_query_counts_for_nothing() -> None:
    query = token()["Authorization"].removeprefix("Bearer ").replace(" ", "%20")
    for name in ("token", "access_token", "authorization"):
        response = await Api().call("GET", f"/api/v3/process?{name}={query}", headers={})
        assert response.status_code == 401


async def test_with_auth_off_everything_is_open_and_login_is_not_there() -> None:
    api = Api(config(), is_auth_off=True)
    for headers in ({}, {"Authorization": "Bearer garbage"}):
        assert (await api.call("GET", "/api/v3/process", headers=headers)).status_code == 200
    login = {"username": "a", "password": "b"}
    assert (await api.call("POST", "/api/login", body=login)).status_code == 404
    assert (await api.call("GET", "/api/login/refresh")).status_code == 404


async def test_login_answers_both_tokens_and_tells_auth_the_source() -> None:
    api = Api()
    body = {"username": "admin", "password": "secret"}
    response = await api.call("POST", "/api/login", body=body, headers={})
    assert await response.get_json() == {"access_token": "a", "refresh_token": "r"}
    assert api.auth.logins == [("admin", "secret", "203.0.113.7")]


@pytest.mark.parametrize(
    "data", ["", "{", "[]", '"x"', "{}", '{"username":"a"}', '{"username":"a","password":1}']
)
async def test_login_without_credentials_is_400(data: str) -> None:
    headers = {"Content-Type": "application/json"}
    response = await Api().call("POST", "/api/login", data=data, headers=headers)
    assert response.status_code == 400
    assert (await response.get_json())["message"] == "Missing authorization credentials"


async def test_login_with_a_big_body_is_413() -> None:
    body = {"username": "a", "password": "x" * 4096}
    assert (await Api().call("POST", "/api/login", body=body)).status_code == 413


async def test_a_refused_login_is_401_or_429() -> None:
    api = Api()
    body = {"username": "admin", "password": "wrong"}
    api.auth.refusal = AuthError("Wrong username or password")
    response = await api.call("POST", "/api/login", body=body, headers={})
    assert response.status_code == 401
    assert (await response.get_json())["message"] == "Unauthorized"
    api.auth.refusal = LimitError("too many failures", retry_after=30)
    response = await api.call("POST", "/api/login", body=body, headers={})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "30")


async def test_refresh_takes_a_refresh_token_only() -> None:
    api = Api()
    good = await api.call("GET", "/api/login/refresh", headers={"Authorization": "bearer r"})
    assert (await good.get_json())["access_token"] == "a2"
    for headers in ({}, token(), {"Authorization": "Basic cjo="}):
        response = await api.call("GET", "/api/login/refresh", headers=headers)
        assert response.status_code == 401


async def source_seen(
    proxies: tuple[str, ...], peer: tuple[str, int] | None, forwarded: str
) -> str:
    api = Api(trusted_proxies=proxies)
    body = {"username": "a", "password": "b"}
    headers = {"X-Forwarded-For": forwarded, "X-Real-IP": "127.0.0.1"}
    await api.call("POST", "/api/login", body=body, headers=headers, peer=peer)
    return api.auth.logins[0][2]


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "source"),
    [
        ((), "203.0.113.7", "127.0.0.1", "203.0.113.7"),  # hearsay
        ((), "::ffff:203.0.113.7", "", "203.0.113.7"),
        (("10.0.0.0/8",), "203.0.113.7", "127.0.0.1", "203.0.113.7"),
        (("10.0.0.0/8",), "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (("10.0.0.0/8",), "::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.1", "127.0.0.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.1", "127.0.0.1, garbage", "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", "", "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", "10.0.0.3", "10.0.0.3"),
        (("fd00::/8",), "fd00::1", "2001:db8::5", "2001:db8::5"),
    ],
)
async def test_the_source_address(
    proxies: tuple[str, ...], peer: str, forwarded: str, source: str
) -> None:
    assert await source_seen(proxies, (peer, 1), forwarded) == source


async def test_a_unix_socket_has_no_address() -> None:
    assert await source_seen(("10.0.0.0/8",), None, "127.0.0.1") == ""
