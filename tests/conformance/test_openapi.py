"""openapi.yaml tells the truth: the routes are these, and real answers fit its schemas."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from daemon.errors import NegotiationError
from daemon.http.guard import scope_of
from daemon.restream.config import ConfigWebRTC
from tests.conformance.openapi import COPY, DOCUMENT, check, copy_text, resolve
from tests.integration.http.scripted import Api, ScriptedAccess, config, token

METHODS = {"get", "put", "post", "delete", "patch", "options", "head"}
MINIMAL = {"id": "new", "input": [{"address": "a"}], "output": [{"address": "-"}]}
OFFER = {"Content-Type": "application/sdp"}
P = "/api/v3/process/{process_id}"


def documented() -> dict[tuple[str, str], str]:
    """Map (method, path) to a scope as the document has it; HEAD comes with GET."""
    return {
        (method.upper(), path): operation["x-scope"]
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method in METHODS - {"head"}
    }


def routed() -> dict[tuple[str, str], str]:
    """Map (method, path) to a scope as the application has it."""
    app = Api().app
    return {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)): str(
            scope_of(app.view_functions[rule.endpoint])
        )
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }


def test_every_route_is_documented_with_its_scope_and_no_other() -> None:
    assert documented() == routed()


def test_the_served_copy_is_the_document() -> None:
    again = "python -m tests.conformance.openapi"
    assert COPY.read_text() == copy_text(), f"out of date: run {again}"


def test_every_schema_is_a_valid_one_and_every_reference_leads_somewhere() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for name in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT)):
        assert resolve(f"#/{name}")


ANSWERS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/", {"headers": {}}),
    ("GET", "/ui", {"headers": {}}),
    ("GET", "/ui/", {"headers": {}}),
    ("GET", "/ui/{name}", {"headers": {}}),
    ("GET", "/ping", {}),
    ("POST", "/api/login", {"body": {"username": "a", "password": "b"}}),
    ("POST", "/api/login", {"body": {}}),
    ("GET", "/api/login/refresh", {"headers": {"Authorization": "Bearer r"}}),
    ("GET", "/api/login/refresh", {}),
    ("GET", "/api/v3/openapi.json", {}),
    ("GET", "/api/swagger/doc.json", {"headers": {}}),
    ("GET", "/api/v3/process", {}),
    ("GET", "/api/v3/process", {"headers": {}}),
    ("POST", "/api/v3/process", {"body": MINIMAL}),
    ("POST", "/api/v3/process", {"body": {}}),
    ("POST", "/api/v3/process", {"data": " " * 300_000}),
    ("POST", "/api/v3/process/validate", {"body": MINIMAL}),
    ("POST", "/api/v3/process/validate", {"body": {}}),
    ("GET", P, {}),
    ("PUT", P, {"body": {"reconnect": True}}),
    ("PUT", P, {"body": []}),
    ("DELETE", P, {}),
    ("PUT", f"{P}/command", {"body": {"command": "start"}}),
    ("PUT", f"{P}/command", {"body": {"command": "x"}}),
    ("GET", f"{P}/config", {}),
    ("GET", f"{P}/state", {}),
    ("GET", f"{P}/report", {}),
    ("GET", f"{P}/probe", {}),
    ("GET", f"{P}/metadata", {}),
    ("PUT", f"{P}/metadata/{{key}}", {"body": [1]}),
    ("GET", f"{P}/metadata/{{key}}", {}),
    ("GET", f"{P}/poster.jpg", {}),
    ("POST", f"{P}/whep", {"data": "v=0", "headers": token() | OFFER}),
    ("POST", f"{P}/whep", {"data": "", "headers": token() | OFFER}),
    ("POST", f"{P}/whep", {"data": "v=0", "headers": OFFER}),
    ("POST", f"{P}/whep", {"data": "v=0", "headers": token()}),
    ("GET", f"{P}/whep", {}),
    ("GET", f"{P}/whep", {"headers": token() | {"Accept": "application/sdp"}}),
    ("OPTIONS", f"{P}/whep", {}),
    ("GET", f"{P}/whep/{{peer_id}}", {}),
    ("DELETE", f"{P}/whep/{{peer_id}}", {}),
    ("PATCH", f"{P}/whep/{{peer_id}}", {"data": "a=x"}),
    ("OPTIONS", f"{P}/whep/{{peer_id}}", {}),
    ("POST", f"{P}/whep/{{peer_id}}/sse", {"body": ["active", "layers"]}),
    ("POST", f"{P}/whep/{{peer_id}}/sse", {"body": ["active"]}),
    ("GET", f"{P}/whep/{{peer_id}}/sse/{{stream_id}}", {}),
    ("DELETE", f"{P}/whep/{{peer_id}}/sse/{{stream_id}}", {}),
    ("GET", "/metrics", {}),
    ("GET", "/api/v3/events", {}),
    ("DELETE", "/api/login", {"headers": {}}),
    ("GET", f"{P}/token", {}),
    ("POST", f"{P}/token", {"body": {"max_viewers": 2}}),
    ("POST", f"{P}/token", {"body": {"ttl_seconds": 0}}),
    ("DELETE", f"{P}/token/{{token_id}}", {}),
    ("GET", f"{P}/whep", {"headers": token(frozenset({"whep:view"}), "cam")}),
    ("GET", "/api/v3/metadata", {}),
    ("PUT", "/api/v3/metadata/{key}", {"body": None, "data": "null"}),
    ("GET", "/api/v3/metadata/{key}", {}),
    ("GET", "/api/v3/webrtc", {}),
    ("GET", "/api/v3/webrtc/viewers", {}),
    ("DELETE", "/api/v3/webrtc/viewers/{viewer_id}", {}),
    ("GET", f"{P}/whep/{{peer_id}}", {"headers": token() | {"Accept": "application/json"}}),
]


@pytest.mark.parametrize(("method", "path", "sent"), ANSWERS)
async def test_real_answers_fit(method: str, path: str, sent: dict[str, Any]) -> None:
    api = Api(config(webrtc=ConfigWebRTC(enabled=True)), viewer_access=ScriptedAccess())
    names = {"process_id": "cam", "peer_id": "p", "key": "k", "name": "none.js"}
    target = path.format(**names, token_id="t", viewer_id="v", stream_id="s")
    await check(method, path, await api.call(method, target, **sent))


@pytest.mark.parametrize("path", [P, f"{P}/config", f"{P}/state", f"{P}/whep"])
async def test_errors_fit(path: str) -> None:
    response = await Api().call("GET", path.format(process_id="nobody"))
    assert response.status_code == 404
    await check("GET", path, response)


async def test_a_negotiation_that_fails_fits() -> None:
    api = Api()
    api.webrtc.refusal = NegotiationError("no H.264", reason="no-common-codec")
    response = await api.call(
        "POST", "/api/v3/process/cam/whep", data="v=0", headers=token() | OFFER
    )
    assert response.status_code == 422
    await check("POST", f"{P}/whep", response)


def test_a_schema_that_is_broken_on_purpose_is_noticed() -> None:
    schema = resolve("#/components/schemas/State") | {"components": DOCUMENT["components"]}
    assert not Draft202012Validator(schema).is_valid({"order": "start"})
