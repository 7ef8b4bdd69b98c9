"""docs/reference/config.md has every key of the configuration, with its default."""

import json
import re
from pathlib import Path

from daemon.config import Config
from daemon.config.environment import leaves
from daemon.config.notes import value_at

PAGE = Path(__file__).parents[2] / "docs/reference/config.md"


def test_every_key_is_in_the_reference_with_its_default_and_no_other() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| `(.*?)` \|", PAGE.read_text(), re.MULTILINE)
    defaults = Config().model_dump(mode="json")
    assert dict(rows) == {key: json.dumps(value_at(defaults, key)) for key in leaves()}
    assert len(rows) == len(dict(rows)), "a key is there twice"
