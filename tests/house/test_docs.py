"""Documents say what the code does now: links lead somewhere, doors are listed."""

import re
from pathlib import Path

import pytest

import daemon.rtc

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


def test_the_door_of_rtc_names_its_modules() -> None:
    modules = {path.stem for path in (ROOT / "daemon/rtc").glob("*.py")} - {"__init__"}
    assert set(daemon.rtc.__all__) == modules
