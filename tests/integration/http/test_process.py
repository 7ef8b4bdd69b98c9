"""/process over a scripted Restreamer: datarhei's shapes, codes and messages (a.3, b.4)."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from quart import Response

from daemon.errors import (
    ConflictError,
    DragonError,
    InvalidError,
    LimitError,
    NotFoundError,
    StorageError,
    StorageFullError,
)
from daemon.ffmpeg.probe import Probe
from daemon.restream.config import ConfigWebRTC
from tests.integration.http.scripted import IDLE, Api, config, token

MINIMAL = {"id": "new", "input": [{"address": "a"}], "output": [{"address": "-"}]}


async def error_of(response: Response) -> tuple[int, str]:
    said = await response.get_json()
    assert said["code"] == response.status_code
    assert isinstance(said["details"], list)
    assert said["reason"]
    return response.status_code, said["message"]


async def test_post_answers_the_whole_stored_config_with_defaults() -> None:
    api = Api()
    response = await api.call("POST", "/api/v3/process", body=MINIMAL)
    assert response.status_code == 200
    said = await response.get_json()
    assert said["webrtc"] == {
        "enabled": False, "video_pt": 102, "audio_pt": 111, "force_transcode": False,
        "instant_start": "gop",
    }  # fmt: skip
    assert said["autostart"] is True
    assert said["limits"] == {"cpu_usage": 0, "memory_mbytes": 0, "waitfor_seconds": 0}
    assert "cleanup" not in said["output"][0]
    assert "new" in api.restreamer.kept


async def test_the_nulls_of_the_python_client_are_defaults() -> None:
    sent = MINIMAL | {
        "input": [{"address": "a", "cleanup": None, "id": "i", "options": ["-re"]}],
        "limits": None, "scheduler": None, "owner": None, "metadata": None, "type": "ffmpeg",
    }  # fmt: skip
    api = Api()
    assert (await api.call("POST", "/api/v3/process", body=sent)).status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({**MINIMAL, "type": ""}, "Unsupported process type"),
        ({**MINIMAL, "type": "gstreamer"}, "Unsupported process type"),
        ({**MINIMAL, "type": []}, "Unsupported process type"),
        ({**MINIMAL, "input": []}, "At least one input and one output need to be defined"),
        ({"id": "x"}, "At least one input and one output need to be defined"),
        ({**MINIMAL, "id": " "}, "Invalid process config"),
        ({**MINIMAL, "id": "cam"}, "Invalid process config"),
        ({**MINIMAL, "reconnect_delay_seconds": -1}, "Invalid JSON"),
        ({**MINIMAL, "reconnect": "yes"}, "Invalid JSON"),
        ({**MINIMAL, "options": ["a\0b"]}, "Invalid JSON"),
        ([], "Invalid JSON"),
    ],
)
async def test_a_bad_config_is_400_with_datarheis_message(body: Any, message: str) -> None:
    api = Api(config())
    response = await api.call("POST", "/api/v3/process", body=body)
    assert await error_of(response) == (400, message)


async def test_the_level_raw_is_for_administrators() -> None:
    api = Api()
    await api.call("POST", "/api/v3/process", body=MINIMAL)
    await api.call("POST", "/api/v3/process/validate", body=MINIMAL)
    scopes = frozenset({"process:read", "process:write"})
    await api.call("PUT", "/api/v3/process/new", body=MINIMAL, headers=token(scopes))
    assert [author.may_raw for author in api.restreamer.authors] == [True, True, False]
    assert all(author.name for author in api.restreamer.authors)


async def test_who_may_not_read_a_process_may_not_refer_to_it() -> None:
    api = Api(config("mine"), config("other"))
    body = MINIMAL | {"id": "mine", "input": [{"address": "#other:output=out"}]}
    scopes = frozenset({"process:read", "process:write"})
    for process_id, status in (("mine", 403), (None, 200)):
        said = token(scopes, process_id)
        answer = await api.call("PUT", "/api/v3/process/mine", body=body, headers=said)
        assert answer.status_code == status


async def test_a_taken_id_is_named_in_the_details() -> None:
    response = await Api(config()).call(
        "POST", "/api/v3/process", body={**MINIMAL, "id": "cam"}
    )
    assert (await response.get_json())["details"] == ["process already exists"]


async def test_put_merges_objects_keeps_what_is_null_and_replaces_arrays() -> None:
    before = config(webrtc=ConfigWebRTC(enabled=True, video_pt=120), reference="r")
    api = Api(before)
    change = {
        "reconnect": True, "reference": None, "webrtc": {"audio_pt": 98},
        "input": [{"id": "in", "address": "b"}], "limits": {"memory_mbytes": 64},
    }  # fmt: skip
    response = await api.call("PUT", "/api/v3/process/cam", body=change)
    assert response.status_code == 200
    after = api.restreamer.get("cam").config
    assert after.webrtc == ConfigWebRTC(enabled=True, video_pt=120, audio_pt=98)
    assert after.reference == "r"
    assert after.reconnect
    assert after.input[0].options == ()  # the old element's options don't leak in
    assert after.output == before.output
    assert after.limits.memory_bytes == 64 * 1024 * 1024


async def test_put_without_the_webrtc_block_or_with_null_keeps_it() -> None:
    for body in ({"reconnect": True}, {"webrtc": None, "type": ""}):
        api = Api(config(webrtc=ConfigWebRTC(enabled=True)))
        response = await api.call("PUT", "/api/v3/process/cam", body=body)
        assert (await response.get_json())["webrtc"]["enabled"] is True


async def test_a_body_may_be_wrapped_as_get_answers_it() -> None:
    api = Api(config())
    record = await (await api.call("GET", "/api/v3/process/cam")).get_json()
    record["config"]["webrtc"]["enabled"] = True
    response = await api.call("PUT", "/api/v3/process/cam", body=record)
    assert (await response.get_json())["webrtc"]["enabled"] is True


async def test_put_with_another_id_renames() -> None:
    api = Api(config())
    await api.call("PUT", "/api/v3/process/cam", body={"id": "door"})
    assert list(api.restreamer.kept) == ["door"]


async def test_put_of_an_unknown_process_is_404_as_the_ui_expects() -> None:
    response = await Api().call("PUT", "/api/v3/process/x", body=MINIMAL)
    assert await error_of(response) == (404, "Process not found")


@pytest.mark.parametrize(
    "path", ["", "/config", "/state", "/report", "/metadata", "/metadata/key"]
)
async def test_an_unknown_process_is_404(path: str) -> None:
    response = await Api().call("GET", f"/api/v3/process/x{path}")
    assert await error_of(response) == (404, "Unknown process ID")


async def test_delete_answers_ok_and_404_for_an_unknown_process() -> None:
    api = Api(config())
    response = await api.call("DELETE", "/api/v3/process/cam")
    assert (response.status_code, await response.get_data(as_text=True)) == (200, '"OK"\n')
    again = await api.call("DELETE", "/api/v3/process/cam")
    assert await error_of(again) == (404, "Unknown process ID")


async def test_commands_reach_the_restreamer() -> None:
    api = Api(config())
    for name in ("start", "stop", "restart", "reload"):
        response = await api.call("PUT", "/api/v3/process/cam/command", body={"command": name})
        assert await response.get_json() == "OK"
    assert [name for _, name in api.restreamer.commands] == [
        "start", "stop", "restart", "reload",
    ]  # fmt: skip


@pytest.mark.parametrize("body", [{"command": "kill"}, {"command": []}, {}, [], "start"])
async def test_an_unknown_command_is_400(body: Any) -> None:
    response = await Api(config()).call("PUT", "/api/v3/process/cam/command", body=body)
    assert await error_of(response) == (400, "Unknown command provided")


async def test_a_command_for_an_unknown_process_is_400() -> None:
    response = await Api().call("PUT", "/api/v3/process/x/command", body={"command": "stop"})
    assert await error_of(response) == (400, "Command failed")


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (LimitError("max. number of running processes (1) reached", retry_after=1), 400),
        (ConflictError("busy"), 400),
        (InvalidError("no"), 400),
        (NotFoundError("unknown process '#x'"), 400),
        (StorageError("disk is away"), 503),
        (StorageFullError("disk is full"), 507),
    ],
)
async def test_refusals_of_changes_keep_datarheis_codes(
    refusal: DragonError, status: int
) -> None:
    api = Api(config())
    api.restreamer.refusal = refusal
    answers = [
        await api.call("POST", "/api/v3/process", body=MINIMAL),
        await api.call("PUT", "/api/v3/process/cam", body={}),
        await api.call("PUT", "/api/v3/process/cam/command", body={"command": "start"}),
    ]
    assert [answer.status_code for answer in answers] == [status] * 3


async def test_state_masks_secrets_that_the_config_keeps() -> None:
    secret = "rtsp://user:hunter2@camera/1"
    stored = config()
    stored = replace(stored, input=(replace(stored.input[0], address=secret),))
    api = Api(stored)
    api.restreamer.get("cam").current = replace(
        IDLE,
        command=("-passphrase", "hunter2", "-i", secret, "out"),
        last_logline=f"{secret}: no route",
    )
    state = await (await api.call("GET", "/api/v3/process/cam/state")).get_data(as_text=True)
    assert "hunter2" not in state
    kept = await (await api.call("GET", "/api/v3/process/cam/config")).get_json()
    assert kept["input"][0]["address"] == secret


async def test_report_has_times_as_strings() -> None:
    said = await (await Api(config()).call("GET", "/api/v3/process/cam/report")).get_json()
    assert said == {
        "created_at": 1_700_000_002,
        "prelude": ["ffmpeg version 7"],
        "log": [["1700000003", "hi"]],
        "history": [],
    }


async def test_probe_is_200_even_when_it_fails() -> None:
    api = Api(config())
    unknown = await api.call("GET", "/api/v3/process/x/probe")
    assert unknown.status_code == 200
    assert await unknown.get_json() == {"streams": [], "log": ["Unknown process ID (x)"]}
    api.restreamer.probed = Probe(streams=(), log=("opened",), error="timed out")
    said = await (await api.call("GET", "/api/v3/process/cam/probe")).get_json()
    assert said == {"streams": [], "log": ["opened", "timed out"]}
    api.restreamer.refusal = InvalidError("bad address")
    said = await (await api.call("GET", "/api/v3/process/cam/probe")).get_json()
    assert said == {"streams": [], "log": ["bad address"]}


async def ids(api: Api, query: str) -> list[str]:
    listed = await (await api.call("GET", f"/api/v3/process?{query}")).get_json()
    return [record["id"] for record in listed]


async def test_lists_by_id_reference_and_pattern() -> None:
    api = Api(config("a", reference="r1"), config("b/1", reference="r2"), config("b/2"))
    assert await ids(api, "") == ["a", "b/1", "b/2"]
    assert await ids(api, "id=a,%20b/2&reference=&filter=") == ["a", "b/2"]
    assert await ids(api, "reference=r2&id=a") == ["b/1"]  # then the id doesn't count
    assert await ids(api, "idpattern=b*") == ["b/1", "b/2"]  # * crosses slashes
    assert await ids(api, "idpattern=b*&refpattern=r?") == ["b/1"]
    assert await ids(api, "idpattern=B*") == []
    assert await ids(api, "idpattern=[") == []


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("", {"config", "state", "report", "metadata"}),
        ("filter=", {"config", "state", "report", "metadata"}),
        ("filter=state", {"state"}),
        ("filter=state,metadata", {"state", "metadata"}),
        ("filter=all", set()),
    ],
)
async def test_filter_selects_parts(query: str, parts: set[str]) -> None:
    said = await (await Api(config()).call("GET", f"/api/v3/process/cam?{query}")).get_json()
    assert said.keys() - {"id", "type", "reference", "created_at", "updated_at"} == parts
    assert said.get("metadata") is None


@pytest.mark.parametrize(
    "process_id",
    ["a/b", "restreamer-ui:ingest:1", "a b", "a%2Fb", "ü?#", "..", "a//b", "metadata", "%"],
)
async def test_ids_with_any_character_are_decoded_once(process_id: str) -> None:
    api = Api(config(process_id))
    response = await api.call("GET", f"/api/v3/process/{quote(process_id, safe='')}/config")
    assert response.status_code == 200
    assert (await response.get_json())["id"] == process_id


async def test_an_id_that_is_not_encoded_works_where_a_path_allows_it() -> None:
    api = Api(config("restreamer-ui:ingest:1"))
    response = await api.call("GET", "/api/v3/process/restreamer-ui:ingest:1/state")
    assert response.status_code == 200


@pytest.mark.parametrize("segment", ["%", "%2", "%zz", "%ff", "a%C0%AFb", "x" * 4000])
async def test_a_broken_id_is_400(segment: str) -> None:
    response = await Api().call("GET", f"/api/v3/process/{segment}")
    assert (await error_of(response))[0] == 400


@pytest.mark.parametrize(
    "path", ["/api/v3/process/", "/api/v3//process", "/api/v3/process/cam/", "/api//v3/process"]
)
async def test_slashes_count(path: str) -> None:
    response = await Api(config()).call("GET", path)
    assert (await error_of(response))[0] == 404


@pytest.mark.parametrize("base", ["/api/v3/process/cam/metadata", "/api/v3/metadata"])
async def test_metadata_of_a_process_and_of_the_system(base: str) -> None:
    api = Api(config())
    value = {"a": [1, None]}
    assert await (await api.call("GET", base)).get_json() is None
    put = await api.call("PUT", f"{base}/restreamer-ui", body=value)
    assert await put.get_json() == value
    got = await api.call("GET", f"{base}/restreamer-ui")
    assert await got.get_json() == value
    assert await (await api.call("GET", base)).get_json() == {"restreamer-ui": value}
    json_headers = token() | {"Content-Type": "application/json"}
    await api.call("PUT", f"{base}/restreamer-ui", data="null", headers=json_headers)
    gone = await api.call("GET", f"{base}/restreamer-ui")
    assert (await error_of(gone))[0] == 404


async def test_metadata_of_an_unknown_process_cant_be_set() -> None:
    response = await Api().call("PUT", "/api/v3/process/x/metadata/k", body=1)
    assert await error_of(response) == (404, "Unknown process ID")
