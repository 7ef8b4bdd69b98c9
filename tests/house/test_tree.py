"""What belongs together stays together: packages, verbs, decisions, the change log."""

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import daemon

ROOT = Path(__file__).parents[2]


def tracked() -> list[Path]:
    """Every file that git knows here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_the_package_named_daemon_is_ours() -> None:
    # another distribution installs a package of this name; a mix of both breaks at odd places
    assert Path(daemon.__file__).parent == ROOT / "daemon"


def test_every_pin_is_exact_and_names_no_origin() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        for line in path.read_text().splitlines():
            if line and not line.startswith(("#", "-r ")):
                assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-zA-Z.+]*", line), line


def test_the_pins_satisfy_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {
        line.split("==")[0]
        for line in (ROOT / "requirements/run.txt").read_text().splitlines()
        if "==" in line
    }
    wanted = {re.split(r"[>=<]", name)[0].lower() for name in project["dependencies"]}
    assert wanted <= pinned


def test_nothing_names_a_machine_or_a_registry() -> None:
    forbidden = re.compile(
        rb"/work/|/root/|files\.pythonhosted|registry\.npmjs|deb\.debian\.org"
    )
    found = [
        path.relative_to(ROOT)
        for path in tracked()
        if path != Path(__file__) and forbidden.search(path.read_bytes())
    ]
    assert not found


def test_no_two_decisions_share_a_number() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs/decisions").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))


def test_every_decision_has_its_three_parts() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert decisions
    for path in decisions:
        text = path.read_text()
        for part in ("## Context", "## Decision", "## Consequences"):
            assert part in text, f"{path.name} lacks {part}"


def test_the_change_log_begins_with_what_is_not_released() -> None:
    titles = re.findall(r"^## \[?(\w[\w.]*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles[0] == "Unreleased"


def test_the_version_lives_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert importlib.metadata.version("dragonctl") == project["version"]


def test_every_verb_of_the_makefile_says_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony
    described = set(re.findall(r"^([a-z]+):.*##", text, re.MULTILINE))
    assert set(phony[1].split()) - {"demo", "clean"} <= described
