"""Who watches, how well, and the door: /api/v3/webrtc/viewers, and one's own figures."""

from tests.conformance.openapi import check
from tests.integration.http.scripted import ALL_SCOPES, Api, config, token

VIEWERS = "/api/v3/webrtc/viewers"
JSON = {"Accept": "application/json"}
OFFER = {"Content-Type": "application/sdp"}


async def watched(api: Api) -> str:
    """Let somebody watch; gives the path of the session."""
    headers = token() | OFFER
    joined = await api.call("POST", "/api/v3/process/cam/whep", data="v=0", headers=headers)
    return joined.headers["Location"]


async def test_all_viewers_are_listed() -> None:
    api = Api(config())
    await watched(api)
    response = await api.call("GET", VIEWERS)
    assert [one["id"] for one in await response.get_json()] == ["peer1"]
    await check("GET", VIEWERS, response)


async def test_a_viewer_can_be_sent_away_once() -> None:
    api = Api(config())
    await watched(api)
    first = await api.call("DELETE", f"{VIEWERS}/peer1")
    again = await api.call("DELETE", f"{VIEWERS}/peer1")
    assert (first.status_code, again.status_code) == (200, 404)
    assert (await again.get_json())["reason"] == "no-viewer"


async def test_whoever_may_only_watch_sends_nobody_away_and_sees_no_list() -> None:
    api = Api(config())
    await watched(api)
    for who in (token(frozenset({"whep:view"})), token(ALL_SCOPES, "cam")):
        assert (await api.call("GET", VIEWERS, headers=who)).status_code == 403
        refused = await api.call("DELETE", f"{VIEWERS}/peer1", headers=who)
        assert refused.status_code == 403
    assert api.webrtc.viewers_by_id


async def test_whoever_has_the_session_sees_how_it_goes_and_players_see_nothing() -> None:
    api = Api(config())
    session = await watched(api)
    mine = await api.call("GET", session, headers=JSON)
    assert (await mine.get_json())["process_id"] == "cam"
    await check("GET", "/api/v3/process/{process_id}/whep/{peer_id}", mine)
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/sdp"}):
        plain = await api.call("GET", session, headers=headers)
        assert (plain.status_code, await plain.get_data()) == (200, b"")
        assert plain.content_type == "application/sdp"
    other = await api.call("GET", "/api/v3/process/cam/whep/none", headers=JSON)
    assert other.status_code == 404
