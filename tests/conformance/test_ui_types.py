"""The web UI's types are written by hand: they name nothing that the daemon doesn't promise."""

import re
from typing import Any

import pytest

from tests.conformance.openapi import DOCUMENT, ROOT, dereferenced

TYPES = (ROOT / "ui/src/api/types.ts").read_text()
# the UI's name of what the document calls otherwise
NAMES = {
    "About": "About",
    "IO": "StoredIO",
    "LegState": "Leg",
    "Probe": "Probe",
    "ProbeStream": "ProbeStream",
    "Process": "Process",
    "ProcessConfig": "StoredProcessConfig",
    "ProcessState": "State",
    "Progress": "Progress",
    "ProgressIO": "ProgressIO",
    "Report": "Report",
    "Run": "Run",
    "Skills": "Skills",
    "TrackPlan": "TrackPlan",
    "ViewerState": "Viewer",
    "ViewerToken": "NewViewerToken",
    "WebRTCConfig": "WebRTC",
    "WebRTCState": "WebRTCState",
    "WhepStatus": "WhepStatus",
}
# given where they are asked for (`filter=`), or always filled in where they are stored
FLAGS = re.MULTILINE | re.DOTALL
GIVEN = {"Process": {"config", "state"}, "WebRTCConfig": {"enabled", "video_pt", "audio_pt"}}
GIVEN["WebRTCConfig"].add("force_transcode")


def members(interface: str) -> dict[str, bool]:
    """Give an interface's members, and whether it counts on each."""
    found = re.search(rf"^export interface {interface}\b[^{{]*{{\n(.*?)^}}", TYPES, FLAGS)
    assert found is not None, f"types.ts has no {interface}"
    named = re.findall(r"^  (\w+)(\??):", found[1], re.MULTILINE)
    return {name: not optional for name, optional in named}


def described(schema: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Give a schema's properties, and those that are always there."""
    schema = dereferenced(schema)
    properties, required = set(schema.get("properties", ())), set(schema.get("required", ()))
    for part in schema.get("allOf", ()):
        more = described(part)
        properties |= more[0]
        required |= more[1]
    return properties, required


@pytest.mark.parametrize("interface", NAMES)
def test_the_ui_counts_on_what_is_promised(interface: str) -> None:
    properties, required = described(DOCUMENT["components"]["schemas"][NAMES[interface]])
    used = members(interface)
    assert used
    assert set(used) <= properties
    counted = {name for name, is_counted in used.items() if is_counted}
    assert counted <= required | GIVEN.get(interface, set())
