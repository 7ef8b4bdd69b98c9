"""Viewer tokens: what they open, until when, and who may give them out (A5, A7, V1, V4)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from daemon.auth import Auth, ViewerAccess, hash_password
from daemon.storage.database import Database
from daemon.storage.revocation import Revocations
from daemon.storage.viewer_token import ViewerTokens
from tests.fakes.accounts import make_auth
from tests.integration.http.scripted import ALL_SCOPES, Api, config, token

NOW = 1_800_000_000
HASH = hash_password("right")
TOKEN = "/api/v3/process/cam/token"
WHEP = "/api/v3/process/cam/whep"
OFFER = {"Content-Type": "application/sdp"}


class Desk(Api):
    """The API with real tokens, and a clock that the test turns."""

    def __init__(self, auth: Auth, access: ViewerAccess, **others: Any) -> None:
        super().__init__(config(), config("other"), auth=auth, viewer_access=access, **others)
        self.webrtc.live.add("other")
        self.login: dict[str, str] = {}

    async def give(self, **wanted: int) -> dict[str, Any]:
        answer = await self.call("POST", TOKEN, body=wanted, headers=self.login)
        given: dict[str, Any] = await answer.get_json()
        assert answer.status_code == 200, given
        return given


class Clock:
    time = float(NOW)

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database.open(tmp_path / "dragonctl.db")
    yield opened
    opened.close()


async def desk_of(database: Database, clock: Clock, **others: Any) -> Desk:
    revocations = Revocations(database)
    await revocations.load(clock())
    auth = make_auth(HASH, revocations, now=clock)
    desk = Desk(auth, ViewerAccess(auth, ViewerTokens(database), clock), **others)
    login = await auth.login("admin", "right", "192.0.2.1")
    desk.login = {"Authorization": f"Bearer {login.access}"}
    return desk


@pytest.fixture
async def desk(database: Database, clock: Clock) -> Desk:
    return await desk_of(database, clock)


async def test_a_token_comes_with_its_address_and_its_end(desk: Desk) -> None:
    answer = await desk.call("POST", TOKEN, body={"ttl_seconds": 60}, headers=desk.login)
    given = await answer.get_json()
    url = urlsplit(given["url"])
    assert url.path == WHEP
    assert parse_qs(url.query) == {"token": [given["token"]]}
    assert (url.scheme, url.netloc) == ("http", "localhost")
    assert given["expires_at"] == NOW + 60
    assert (given["process_id"], given["created_by"]) == ("cam", "admin")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_without_a_body_a_token_is_for_an_hour(desk: Desk) -> None:
    answer = await desk.call("POST", TOKEN, headers=desk.login)
    given = await answer.get_json()
    assert (given["expires_at"], given["max_viewers"]) == (NOW + 3600, 0)


@pytest.mark.parametrize(
    "wanted",
    [{"ttl_seconds": 0}, {"ttl_seconds": "1h"}, {"ttl_seconds": 10**9}, {"max_viewers": -1}],
)
async def test_a_token_beyond_reason_is_400(desk: Desk, wanted: dict[str, Any]) -> None:
    answer = await desk.call("POST", TOKEN, body=wanted, headers=desk.login)
    assert answer.status_code == 400
    assert next(iter(wanted)) in (await answer.get_json())["details"][0]


async def test_the_address_is_the_one_behind_a_trusted_proxy(
    database: Database, clock: Clock
) -> None:
    desk = await desk_of(database, clock, trusted_proxies=("203.0.113.0/24",))
    proxied = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "video.example.org",
        "X-Forwarded-Prefix": "/dragon/",
    }
    answer = await desk.call("POST", TOKEN, headers=desk.login | proxied)
    url = (await answer.get_json())["url"]
    assert url.startswith(f"https://video.example.org/dragon{WHEP}?token=")
    stranger = await desk_of(database, clock)
    answer = await stranger.call("POST", TOKEN, headers=stranger.login | proxied)
    assert (await answer.get_json())["url"].startswith(f"http://localhost{WHEP}")


async def test_a_viewer_token_opens_its_process_for_watching_and_nothing_else(
    desk: Desk,
) -> None:
    given = await desk.give()
    for query, headers in (
        (f"?token={given['token']}", {}),
        ("", {"Authorization": f"Bearer {given['token']}"}),
    ):

        async def status(method: str, path: str, q: str = query, h: Any = headers) -> int:
            sent = {"data": "v=0", "headers": h | OFFER} if method == "POST" else {"headers": h}
            return (await desk.call(method, path + q, **sent)).status_code

        assert await status("POST", WHEP) == 201
        assert await status("GET", WHEP) == 200
        refused = 403 if headers else 401
        assert await status("POST", WHEP.replace("cam", "other")) == 403
        assert await status("GET", "/api/v3/process/cam") == refused
        assert await status("DELETE", "/api/v3/process/cam") == refused
        assert await status("GET", "/api/v3/process") == refused
        assert await status("POST", TOKEN) == refused
        assert await status("GET", TOKEN) == refused
        about = await (await desk.call("GET", f"/api{query}", headers=headers)).get_json()
        assert "id" not in about


async def test_the_status_tells_a_viewer_nothing_of_the_others(desk: Desk) -> None:
    given = await desk.give()
    answer = await desk.call("GET", f"{WHEP}?token={given['token']}", headers={})
    assert set(await answer.get_json()) <= {"process_id", "state"}


async def test_only_a_viewers_token_counts_in_a_query(desk: Desk) -> None:
    access = desk.login["Authorization"].removeprefix("Bearer ")
    given = await desk.give()
    for query in (
        f"token={access}",
        "token=garbage",
        "token=",
        f"access_token={given['token']}",
        f"token={given['token']}&token={given['token']}",
    ):
        answer = await desk.call("POST", f"{WHEP}?{query}", data="v=0", headers=OFFER)
        assert answer.status_code == 401, query
        assert given["token"] not in await answer.get_data(as_text=True)


async def test_a_token_ends_with_its_time(desk: Desk, clock: Clock) -> None:
    given = await desk.give(ttl_seconds=60)
    url = f"{WHEP}?token={given['token']}"
    clock.time += 59
    assert (await desk.call("POST", url, data="v=0", headers=OFFER)).status_code == 201
    clock.time += 1
    assert (await desk.call("POST", url, data="v=0", headers=OFFER)).status_code == 401
    assert await listed(desk) == []


async def listed(desk: Desk) -> list[dict[str, Any]]:
    answer = await desk.call("GET", TOKEN, headers=desk.login)
    tokens: list[dict[str, Any]] = await answer.get_json()
    assert "token" not in str(tokens)
    return tokens


async def test_a_viewer_is_counted_by_its_token_and_has_its_limits(desk: Desk) -> None:
    given = await desk.give(max_viewers=2, max_view_seconds=90)
    url = f"{WHEP}?token={given['token']}"
    await desk.call("POST", url, data="v=0", headers=OFFER)
    viewer = desk.webrtc.viewers_by_id["cam", "peer1"]
    assert (viewer.max_viewers, viewer.max_view_seconds) == (2, 90)
    assert viewer.token_id == given["id"]
    assert viewer.subject == f"viewer:{given['id']}"
    await desk.call("POST", WHEP, data="v=0", headers=desk.login | OFFER)
    assert desk.webrtc.viewers_by_id["cam", "peer2"].max_viewers is None


async def test_a_revoked_token_opens_nothing_even_after_a_restart(
    desk: Desk, database: Database, clock: Clock
) -> None:
    kept, revoked = await desk.give(), await desk.give()
    assert {one["id"] for one in await listed(desk)} == {kept["id"], revoked["id"]}
    place = f"{TOKEN}/{revoked['id']}"
    assert (await desk.call("DELETE", place, headers=desk.login)).status_code == 200
    assert (await desk.call("DELETE", place, headers=desk.login)).status_code == 404
    assert [one["id"] for one in await listed(desk)] == [kept["id"]]
    again = await desk_of(database, clock)
    for api in (desk, again):
        answer = await api.call(
            "POST", f"{WHEP}?token={revoked['token']}", data="v=0", headers=OFFER
        )
        assert answer.status_code == 401


async def test_a_process_that_is_gone_takes_its_tokens_along(desk: Desk) -> None:
    given = await desk.give()
    one = "/api/v3/process/cam"
    assert (await desk.call("DELETE", one, headers=desk.login)).status_code == 200
    minimal = {"id": "cam", "input": [{"address": "a"}], "output": [{"address": "-"}]}
    await desk.call("POST", "/api/v3/process", body=minimal, headers=desk.login)
    url = f"{WHEP}?token={given['token']}"
    assert (await desk.call("POST", url, data="v=0", headers=OFFER)).status_code == 401


async def test_a_renamed_process_takes_its_tokens_along(desk: Desk) -> None:
    given = await desk.give()
    one = "/api/v3/process/cam"
    await desk.call("PUT", one, body={"id": "new"}, headers=desk.login)
    await desk.call("PUT", "/api/v3/process/new", body={"id": "cam"}, headers=desk.login)
    url = f"{WHEP}?token={given['token']}"
    assert (await desk.call("POST", url, data="v=0", headers=OFFER)).status_code == 401


async def test_giving_out_needs_control_of_that_process() -> None:
    api = Api(config())
    for scopes, process_id in (
        (ALL_SCOPES - {"process:control"}, None),
        (frozenset({"process:control"}), "other"),
    ):
        answer = await api.call("POST", TOKEN, headers=token(scopes, process_id))
        assert answer.status_code == 403


async def test_without_auth_nobody_needs_a_token() -> None:
    api = Api(config(), is_auth_off=True)
    answer = await api.call("POST", TOKEN, headers={})
    assert answer.status_code == 409
    assert (await answer.get_json())["reason"] == "auth-off"
    unknown = await api.call("POST", "/api/v3/process/none/token", headers={})
    assert unknown.status_code == 404


# -- strict sessions (V4)


async def test_a_strict_session_obeys_only_who_opened_it() -> None:
    api = Api(config(), is_session_strict=True)
    viewer = frozenset({"whep:view"})
    mine, others = token(viewer, subject="ann"), token(viewer, subject="ben")
    await api.call("POST", WHEP, data="v=0", headers=mine | OFFER)
    session = f"{WHEP}/peer1"
    fragment = {"Content-Type": "application/trickle-ice-sdpfrag"}
    for headers, status in (({}, 401), (others, 403), (mine, 204)):
        answer = await api.call("PATCH", session, data="a=x", headers=headers | fragment)
        assert answer.status_code == status
    for headers, status in (({}, 401), (others, 403), (mine, 200), (mine, 204), (others, 204)):
        answer = await api.call("DELETE", session, headers=headers)
        assert answer.status_code == status


async def test_a_strict_session_of_an_address_with_a_token_can_be_left(
    database: Database, clock: Clock
) -> None:
    desk = await desk_of(database, clock, is_session_strict=True)
    first, second = await desk.give(), await desk.give()
    url = f"{WHEP}?token={first['token']}"
    joined = await desk.call("POST", url, data="v=0", headers=OFFER)
    session = joined.headers["Location"]
    assert session == f"{WHEP}/peer1?token={first['token']}"
    stranger = session.replace(first["token"], second["token"])
    assert (await desk.call("DELETE", stranger, headers={})).status_code == 403
    assert (await desk.call("DELETE", session, headers={})).status_code == 200


async def test_a_lenient_session_has_no_token_in_its_address(desk: Desk) -> None:
    given = await desk.give()
    url = f"{WHEP}?token={given['token']}"
    joined = await desk.call("POST", url, data="v=0", headers=OFFER)
    assert joined.headers["Location"] == f"{WHEP}/peer1"
