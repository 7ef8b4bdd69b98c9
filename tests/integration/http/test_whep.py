"""/whep: the checklist's rules, by its names (whep.md 1.2)."""

import pytest
from quart import Response

from daemon.errors import (
    DragonError,
    InvalidError,
    LimitError,
    NegotiationError,
    NotFoundError,
    NotReadyError,
    OverloadError,
    SdpError,
)
from daemon.webrtc.subsystem import PatchResult
from tests.integration.http.scripted import ALL_SCOPES, Api, config, token

WHEP = "/api/v3/process/cam/whep"
OFFER = {"Content-Type": "application/sdp"}
TRICKLE = {"Content-Type": "application/trickle-ice-sdpfrag"}
SESSION = f"{WHEP}/peer1"


async def post(api: Api, **fields: object) -> Response:
    given = {"data": "v=0", "headers": token() | OFFER} | fields
    return await api.call("POST", WHEP, **given)  # type: ignore[arg-type]


async def problem(response: Response) -> dict[str, object]:
    assert response.content_type == "application/problem+json"
    said: dict[str, object] = await response.get_json()
    assert said["status"] == said["code"] == response.status_code
    assert said["title"] == said["message"]
    assert said["type"] == f"urn:dragonctl:problem:{said['reason']}"
    assert said["detail"]
    assert isinstance(said["details"], list)
    return said


async def test_post_201_with_type_location_and_strong_etag() -> None:
    api = Api()
    response = await post(api)
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/sdp"
    assert response.headers["Location"] == SESSION
    assert response.headers["ETag"] == '"tag1"'
    assert response.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"
    assert await response.get_data(as_text=True) == "v=0\r\n"
    assert api.webrtc.offers == ["v=0"]


async def test_the_viewer_is_described() -> None:
    api = Api()
    await post(api, headers=token() | OFFER | {"User-Agent": "x" * 1000})
    viewer = api.webrtc.viewers_by_id["cam", "peer1"]
    assert (viewer.address, viewer.subject, viewer.token_id) == (
        "203.0.113.7", "somebody", "access-1",
    )  # fmt: skip
    assert len(viewer.user_agent) == 256


@pytest.mark.parametrize(
    "kind", ["application/sdp; charset=utf-8", "Application/SDP", " application/sdp "]
)
async def test_post_badtype_ignores_parameters_and_case(kind: str) -> None:
    assert (await post(Api(), headers=token() | {"Content-Type": kind})).status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/sdpx", ""])
async def test_post_badtype_is_415_without_sdp(kind: str) -> None:
    response = await post(Api(), headers=token() | {"Content-Type": kind})
    assert response.status_code == 415
    await problem(response)


@pytest.mark.parametrize("headers", [{}, OFFER, {"Accept": "application/sdp"}])
async def test_an_empty_post_is_400_and_told_why(headers: dict[str, str]) -> None:
    said = await problem(await post(Api(), data=b"", headers=token() | headers))
    assert (said["code"], said["reason"]) == (400, "empty-offer")


async def test_post_size_is_limited_to_64_kib() -> None:
    api = Api()
    assert (await post(api, data="a" * 65536)).status_code == 201
    response = await post(api, data="a" * 65537)
    assert response.status_code == 413
    await problem(response)


async def test_an_offer_that_is_no_utf8_is_400() -> None:
    assert (await problem(await post(Api(), data=b"v=0\xff")))["code"] == 400


@pytest.mark.parametrize(
    ("refusal", "status", "retry"),
    [
        (NotFoundError("WebRTC is off", reason="webrtc-off"), 404, None),
        (NotReadyError("no media yet", retry_after=2, reason="no-media"), 409, "2"),
        (SdpError("malformed"), 400, None),
        (NegotiationError("no H.264", reason="no-common-codec"), 422, None),
        (LimitError("8 viewers", retry_after=5, reason="address-limit"), 429, "5"),
        (OverloadError("full", retry_after=5, reason="total-limit"), 503, "5"),
    ],
)
async def test_refusals_have_their_status_and_retry_after(
    refusal: DragonError, status: int, retry: str | None
) -> None:
    api = Api()
    api.webrtc.refusal = refusal
    response = await post(api)
    said = await problem(response)
    assert said["code"] == status
    assert response.headers.get("Retry-After") == retry
    if refusal.reason:
        assert said["reason"] == refusal.reason


async def test_an_accept_header_is_never_406() -> None:
    response = await post(Api(), headers=token() | OFFER | {"Accept": "text/html"})
    assert response.status_code == 201


async def test_auth_bearer_is_needed_for_post() -> None:
    response = await post(Api(), headers=OFFER)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert (await problem(response))["details"] == ["Missing or invalid JWT token"]


async def test_a_viewers_token_is_for_one_process() -> None:
    only_view = frozenset({"whep:view"})
    api = Api()
    good = await post(api, headers=token(only_view, "cam") | OFFER)
    other = await post(api, headers=token(only_view, "door") | OFFER)
    assert (good.status_code, other.status_code) == (201, 403)


async def test_location_carries_the_prefix_of_the_server() -> None:
    response = await Api().call(
        "POST", f"/live{WHEP}", root_path="/live", data="v=0", headers=token() | OFFER
    )
    assert response.headers["Location"] == f"/live{SESSION}"


@pytest.mark.parametrize(
    ("prefix", "proxies", "location"),
    [
        ("/tv", ("203.0.113.0/24",), f"/tv{SESSION}"),
        ("/tv/", ("203.0.113.0/24",), f"/tv{SESSION}"),
        ("/tv", (), SESSION),
        ("//evil.example", ("203.0.113.0/24",), SESSION),
        ("https://evil.example", ("203.0.113.0/24",), SESSION),
        ("/a\tb", ("203.0.113.0/24",), SESSION),
    ],
)
async def test_location_carries_a_forwarded_prefix_of_a_trusted_proxy_only(
    prefix: str, proxies: tuple[str, ...], location: str
) -> None:
    api = Api(trusted_proxies=proxies)
    response = await post(api, headers=token() | OFFER | {"X-Forwarded-Prefix": prefix})
    assert response.headers["Location"] == location


async def test_location_of_an_encoded_id_stays_encoded() -> None:
    api = Api()
    api.webrtc.live.add("a/b c")
    path = "/api/v3/process/a%2Fb%20c/whep"
    response = await api.call("POST", path, data="v=0", headers=token() | OFFER)
    assert response.headers["Location"] == f"{path}/peer1"
    assert ("a/b c", "peer1") in api.webrtc.viewers_by_id
    assert (await api.call("DELETE", f"{path}/peer1", headers={})).status_code == 200


async def test_post_ratelimit_is_20_at_once_per_source() -> None:
    api = Api()
    answers = [await post(api) for _ in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {201}
    assert answers[20].status_code == 429
    assert 1 <= int(answers[20].headers["Retry-After"]) <= 6
    assert (await problem(answers[20]))["reason"] == "rate-limit"
    assert (await post(api, peer=("203.0.113.8", 1))).status_code == 201


async def test_delete_ratelimit_is_20_at_once_per_source() -> None:
    api = Api()
    answers = [await api.call("DELETE", SESSION) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [204] * 20 + [429]


async def test_delete_200_then_204_without_a_token_and_with_any_if_match() -> None:
    api = Api()
    await post(api)
    first = await api.call("DELETE", SESSION, headers={"If-Match": '"other"'})
    again = await api.call("DELETE", SESSION, headers={})
    assert (first.status_code, again.status_code) == (200, 204)
    assert await first.get_data() == b""


async def test_delete_of_another_process_s_peer_ends_nothing() -> None:
    api = Api()
    await post(api)
    response = await api.call("DELETE", "/api/v3/process/door/whep/peer1", headers={})
    assert response.status_code == 204
    assert api.webrtc.viewers_by_id


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "GET"])
async def test_strict_session_auth_makes_the_token_mandatory(method: str) -> None:
    api = Api(is_session_strict=True)
    bare = await api.call(method, SESSION, data="a=x", headers=dict(TRICKLE))
    other = token(frozenset({"whep:view"}), "door") | TRICKLE
    known = await api.call(method, SESSION, data="a=x", headers=token() | TRICKLE)
    assert bare.status_code == 401
    assert (await api.call(method, SESSION, data="a=x", headers=other)).status_code == 403
    assert known.status_code in {200, 204}


async def test_patch_204_has_neither_body_nor_etag() -> None:
    api = Api()
    response = await api.call("PATCH", SESSION, data="a=candidate", headers=dict(TRICKLE))
    assert response.status_code == 204
    assert await response.get_data() == b""
    assert "ETag" not in response.headers
    assert api.webrtc.patches == [("cam", "peer1", "a=candidate", None)]


async def test_restart_200_has_a_fragment_and_a_new_etag() -> None:
    api = Api()
    api.webrtc.patched = PatchResult("a=ice-ufrag:x\r\n", "tag2")
    headers = TRICKLE | {"If-Match": "*"}
    response = await api.call("PATCH", SESSION, data="a=ice-ufrag:y", headers=headers)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/trickle-ice-sdpfrag"
    assert response.headers["ETag"] == '"tag2"'
    assert api.webrtc.patches[0][3] == "*"


async def test_patch_412_for_a_stale_tag() -> None:
    api = Api()
    api.webrtc.refusal = InvalidError("this ICE session is over", reason="stale-etag")
    response = await api.call("PATCH", SESSION, data="a=x", headers=dict(TRICKLE))
    assert (await problem(response))["code"] == 412


@pytest.mark.parametrize(
    ("kind", "status"),
    [("application/sdp", 422), ("text/plain", 415), ("", 415)],
)
async def test_patch_type(kind: str, status: int) -> None:
    response = await Api().call("PATCH", SESSION, data="v=0", headers={"Content-Type": kind})
    assert (await problem(response))["code"] == status


async def test_get_answers_our_status_as_json() -> None:
    response = await Api().call("GET", WHEP)
    assert response.content_type == "application/json"
    assert (await response.get_json())["process_id"] == "cam"


async def test_get_tells_a_viewers_token_nothing_about_others() -> None:
    response = await Api().call("GET", WHEP, headers=token(frozenset({"whep:view"}), "cam"))
    assert response.status_code == 200
    assert await response.get_json() == {"process_id": "cam", "state": "live"}


async def test_head_ctype() -> None:
    response = await Api().call("HEAD", WHEP)
    assert (response.status_code, response.content_type) == (200, "application/sdp")
    assert (await Api().call("HEAD", "/api/v3/process/x/whep")).status_code == 404
    assert (await Api().call("HEAD", WHEP, headers={})).status_code == 401


async def test_get_of_a_session_is_200_and_empty() -> None:
    response = await Api().call("GET", SESSION, headers={})
    assert (response.status_code, await response.get_data()) == (200, b"")


async def test_options_accept_post_needs_no_token() -> None:
    response = await Api().call("OPTIONS", WHEP, headers={})
    assert response.status_code == 200
    assert response.headers["Accept-Post"] == "application/sdp"
    assert "Link" not in response.headers
    session = await Api().call("OPTIONS", SESSION, headers={})
    assert session.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"


@pytest.mark.parametrize("path", [WHEP, SESSION])
async def test_options_preflight_is_204_and_names_headers(path: str) -> None:
    headers = {
        "Origin": "https://page.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    response = await Api().call("OPTIONS", path, headers=headers)
    assert response.status_code == 204
    allowed = response.headers["Access-Control-Allow-Headers"]
    for name in ("Authorization", "Content-Type", "If-Match"):
        assert name in allowed
    assert "PATCH" in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Max-Age"] == "86400"
    assert "Link" not in response.headers


@pytest.mark.parametrize("headers", [{}, token() | OFFER])
async def test_cors_headers_are_on_actual_answers_and_errors(headers: dict[str, str]) -> None:
    response = await post(Api(), headers=headers | {"Origin": "https://page.example"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    exposed = response.headers["Access-Control-Expose-Headers"]
    for name in ("Location", "Link", "ETag", "Accept-Patch", "Retry-After", "WWW-Authenticate"):
        assert name in exposed


async def test_other_methods_are_405_with_allow() -> None:
    for path, methods in (
        (WHEP, {"GET", "HEAD", "OPTIONS", "POST"}),
        (SESSION, {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH"}),
    ):
        response = await Api(config()).call("PUT", path)
        assert response.status_code == 405
        assert set(response.headers["Allow"].split(", ")) == methods
        await problem(response)


async def test_unknown_scopes_open_nothing() -> None:
    without = ALL_SCOPES - {"whep:view"}
    assert (await post(Api(), headers=token(without) | OFFER)).status_code == 403
