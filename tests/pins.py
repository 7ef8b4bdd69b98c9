"""Writes requirements/*.txt anew from what is installed, without where it came from."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"


def name_of(requirement: str) -> str:
    """Read the normalised name in a requirement line (PEP 503)."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def closure(names: set[str]) -> set[str]:
    """Add all installed distributions that these need."""
    seen: set[str] = set()
    todo = set(names)
    while todo:
        name = todo.pop()
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another Python or another system
        seen.add(name)
        todo |= {name_of(line) for line in requires if "extra ==" not in line} - seen
    return seen


def main() -> None:
    """Write both files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run = closure({name_of(line) for line in project["dependencies"]})
    old = (REQUIREMENTS / "dev.txt").read_text().splitlines()
    dev = closure({name_of(line) for line in old if "==" in line}) - run
    for file, names, first in (
        ("run.txt", run, "# What dragonctl needs to run. `make pins` writes this anew.\n"),
        ("dev.txt", dev, "# What tests, checks and builds need besides.\n-r run.txt\n"),
    ):
        lines = [f"{name}=={importlib.metadata.version(name)}\n" for name in sorted(names)]
        (REQUIREMENTS / file).write_text(first + "".join(lines))


if __name__ == "__main__":
    main()
