"""A configuration, written as TOML that means the same."""

import tomllib

from daemon.config import Config
from dragonctl.commands.config import as_toml, example


def test_what_is_shown_means_what_the_server_said() -> None:
    config = Config().model_dump(mode="json")
    assert tomllib.loads("\n".join(as_toml(config, set()))) == config


def test_lists_of_tables_and_odd_text_survive() -> None:
    config = {"a": [{"b": 'x "y"', "c": []}], "t": {"empty": {}, "k": -1.5, "u": "Süd"}}
    shown = tomllib.loads("\n".join(as_toml(config, set())))
    assert shown == config


def test_keys_that_the_environment_decides_are_marked() -> None:
    lines = list(as_toml({"webrtc": {"enable": True, "public_ip": ""}}, {"webrtc.enable"}))
    assert lines == [
        "",
        "[webrtc]",
        "enable = true  # from the environment",
        'public_ip = ""',
    ]


def test_the_example_is_found() -> None:
    assert tomllib.loads(example())["version"] == 3
