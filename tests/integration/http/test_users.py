"""/api/v3/users and /api/v3/keys over real users; each role against each route (A5)."""

from typing import Any

import pytest

from daemon.auth import Role, User
from daemon.http.guard import Scope
from tests.conformance.openapi import check
from tests.fakes.accounts import make_auth
from tests.integration.http.scripted import ALL_SCOPES, Api, ScriptedAccess, config
from tests.integration.http.test_guard import GUARDED
from tests.unit.auth.test_auth import HASH, Memory

USERS = "/api/v3/users"
NEW = {"name": "ann", "password": "correct horse", "role": "viewer"}


@pytest.fixture
def api() -> Api:
    auth = make_auth(HASH, Memory())
    return Api(config(), auth=auth, viewer_access=ScriptedAccess())


async def log_in(api: Api, name: str, password: str) -> dict[str, str]:
    body = {"username": name, "password": password}
    answer = await api.call("POST", "/api/login", body=body, headers={})
    tokens = await answer.get_json()
    return {"Authorization": f"Bearer {tokens.get('access_token', '')}"}


async def test_a_user_from_first_to_last(api: Api) -> None:
    admin = await log_in(api, "admin", "right")

    async def call(method: str, path: str = "", body: Any = None) -> Any:
        answer = await api.call(method, f"{USERS}{path}", body=body, headers=admin)
        await check(method, f"{USERS}{'/{user_name}' if path else ''}", answer)
        return answer.status_code, await answer.get_json()

    status, ann = await call("POST", body=NEW)
    assert (status, ann["role"], ann["configured"]) == (200, "viewer", False)
    assert (await call("POST", body=NEW))[0] == 409
    assert [user["name"] for user in (await call("GET"))[1]] == ["admin", "ann"]
    hers = await log_in(api, "ann", "correct horse")
    assert (await api.call("GET", "/api/v3/process", headers=hers)).status_code == 200
    assert (await api.call("GET", USERS, headers=hers)).status_code == 403
    status, _ = await call("PUT", "/ann", {"password": "battery staple"})
    assert status == 200
    assert (await api.call("GET", "/api/v3/process", headers=hers)).status_code == 401
    assert (await call("PUT", "/ann", {"role": "operator"}))[1]["role"] == "operator"
    assert (await call("DELETE", "/ann"))[0] == 200
    assert (await call("DELETE", "/ann"))[0] == 404
    assert (await call("DELETE", "/admin"))[0] == 409


@pytest.mark.parametrize(
    "body",
    [{}, [], NEW | {"role": "root"}, NEW | {"password": "short"}, NEW | {"name": ""}],
)
async def test_what_makes_no_user_is_400_and_shows_no_password(api: Api, body: Any) -> None:
    admin = await log_in(api, "admin", "right")
    answer = await api.call("POST", USERS, body=body, headers=admin)
    assert answer.status_code == 400
    assert "correct horse" not in await answer.get_data(as_text=True)


async def test_a_rotated_key_and_all_tokens_at_once(api: Api) -> None:
    auth = api.services.auth
    assert auth is not None
    auth.keys.configure("")
    await auth.keys.load(bytes(32))
    admin = await log_in(api, "admin", "right")
    first = await api.call("POST", "/api/v3/keys", headers=admin)
    await check("POST", "/api/v3/keys", first)
    assert (await first.get_json())["kid"] == auth.keys.signing.kid
    assert (await api.call("GET", USERS, headers=admin)).status_code == 200
    now = await api.call("POST", "/api/v3/keys", body={"now": True}, headers=admin)
    assert now.status_code == 200
    assert (await api.call("GET", USERS, headers=admin)).status_code == 401


async def test_logging_out_ends_the_login(api: Api) -> None:
    admin = await log_in(api, "admin", "right")
    assert (await api.call("DELETE", "/api/login", headers=admin)).status_code == 200
    assert (await api.call("GET", USERS, headers=admin)).status_code == 401
    assert (await api.call("DELETE", "/api/login", headers=admin)).status_code == 401


async def test_without_auth_there_are_no_users() -> None:
    api = Api(config(), is_auth_off=True)
    answer = await api.call("GET", USERS, headers={})
    assert (answer.status_code, (await answer.get_json())["reason"]) == (409, "auth-off")


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_against_each_route(api: Api, role: Role) -> None:
    auth = api.services.auth
    assert auth is not None
    await auth.users.keep(User("one", role, HASH, "e"))
    headers = await log_in(api, "one", "right")
    allowed = User("x", role, "", "").scopes
    assert allowed <= ALL_SCOPES
    refused = 0
    for method, path, scope in GUARDED:
        if scope.value in allowed and method != "GET":
            continue  # it may change what the next route wants to see
        status = (await api.call(method, path, headers=headers)).status_code
        assert (status == 403) == (scope.value not in allowed), (method, path, role)
        refused += status == 403
    assert bool(refused) == (role is not Role.ADMIN)
    assert Scope.USER_WRITE.value in ALL_SCOPES
