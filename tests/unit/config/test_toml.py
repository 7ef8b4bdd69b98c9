"""Lines of keys, and edits that leave the rest of a file alone."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import toml

TEXT = '''# top
name = "a"  # the name

[api.auth]   # who
enable = true
"user name" . x = """
[not.a.table]
y = 1
"""
list = [
  1, # ] not the end
  "]",
]
after = 1
[[storage.s3]]
name = "one"
[storage.s3.auth]
enable = true
[[storage.s3]]
inline = { a = 1, b = [2] }
'''


def test_every_key_has_its_line() -> None:
    tomllib.loads(TEXT)
    places = {".".join(path): line for path, line in toml.lines(TEXT).items()}
    assert places == {
        "name": 2,
        "api.auth": 4,
        "api.auth.enable": 5,
        "api.auth.user name": 6,
        "api.auth.user name.x": 6,
        "api.auth.list": 10,
        "api.auth.after": 14,
        "storage.s3.0": 15,
        "storage.s3.0.name": 16,
        "storage.s3.0.auth": 17,
        "storage.s3.0.auth.enable": 18,
        "storage.s3.1": 19,
        "storage.s3.1.inline": 20,
    }


def test_an_edit_keeps_comments_order_and_layout() -> None:
    text = '# top\nname = "a"  # the name\n\n[webrtc] # live\nenable = false # off\n'
    edited = toml.edit(text, {("name",): "b", ("webrtc", "enable"): True})
    assert edited == '# top\nname = "b"  # the name\n\n[webrtc] # live\nenable = true # off\n'


PORT = ("webrtc", "udp_mux_port")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "[webrtc]\nenable = true\n",
        "webrtc.enable = true\n[log]\nlevel = 'info'\n",
        "webrtc = { enable = true }\n[log]\n",
        "[webrtc]\r\nenable = true\r\n",
        "[api.auth]\n[log]\n[api.access]\n",
        "[webrtc]\n[webrtc.x]\n",
    ],
)
def test_new_keys_land_where_they_belong_in_every_style(text: str) -> None:
    edited = toml.edit(text, {PORT: 5, ("address",): ":1", ("api", "auth", "username"): "u"})
    values = tomllib.loads(edited)
    assert values["webrtc"]["udp_mux_port"] == 5
    assert values["address"] == ":1"
    assert values["api"]["auth"]["username"] == "u"
    for path in toml.lines(text):
        assert path in toml.lines(edited)


keys = st.text(alphabet="abc .\"'#[]=\\é", min_size=1, max_size=4)
values: st.SearchStrategy[Any] = st.recursive(
    st.integers(0, 9) | st.text(alphabet="a\"'#\n[]=\\", max_size=5) | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2),
    max_leaves=6,
)


@given(st.dictionaries(keys, values, max_size=4), keys, values)
def test_any_edit_changes_that_value_only(old: dict[str, Any], key: str, value: Any) -> None:
    text = toml.edit("", {(name,): old[name] for name in old})
    assert toml.parse(text) == old
    assert {path[0] for path in toml.lines(text)} == set(old)
    assert toml.parse(toml.edit(text, {(key,): value})) == old | {key: value}
