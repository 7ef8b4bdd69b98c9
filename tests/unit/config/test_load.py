"""What a configuration file may say, and what the operator hears of a mistake."""

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import NOT_ACTED_ON, Config, Loaded, default_path, load
from daemon.config.load import MAX_FILE, parse
from daemon.config.notes import SECRETS, value_at
from daemon.errors import ConfigError

PATH = Path("config.toml")
IP = "must be an IP address such as 203.0.113.7"
HOST = "must be an IP address or a host name, such as 203.0.113.7"
LEVELS = "silent, error, warn, info, debug"
ORIGIN = "an origin like https://example.org"
GUESS = 'unknown key; did you mean "webrtc.udp_mux_port"?'
EXAMPLE = Path(__file__).parents[3] / "config.example.toml"


def parsed(text: str, **environ: str) -> Loaded:
    return parse(text, PATH, environ)


def refusal(text: str, **environ: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text, PATH, environ)
    return caught.value


def test_nothing_gives_secure_defaults() -> None:
    config = parsed("").config
    assert config.api.auth.enable
    assert config.address == "127.0.0.1:8080"
    assert not config.update_check
    assert not config.webrtc.enable


def test_the_example_is_the_defaults_with_comments() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert tomllib.loads(text) == Config().model_dump(mode="json")
    assert parsed(text).warnings == ()


def test_the_example_says_what_is_kept_only() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for key in NOT_ACTED_ON:
        name = key.rpartition(".")[2]
        headed = [line for line in lines if line.startswith((f"[{key}", f"{name} ="))]
        assert any("kept only" in line or "refused" in line for line in headed), key


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[webrtc]\n\nudp_mux_port = 70000\n",
            "config.toml:3: webrtc.udp_mux_port: must be 0 to 65535, not 70000",
        ),
        (
            "[webrtc]\nudp_mux_prt = 1\n",
            f"config.toml:2: webrtc.udp_mux_prt: {GUESS}",
        ),
        (
            "udp_mux_port = 1\n",
            f"config.toml:1: udp_mux_port: {GUESS}",
        ),
        ("[xyzzy]\na = 1\n", "config.toml:1: xyzzy: unknown key"),
        *(
            (
                f"[ui]\nframe_ancestors = ['{origin}']\n",
                f"config.toml:2: ui.frame_ancestors: must be {ORIGIN}, not '{origin}'",
            )
            for origin in ("*", "https://*.a.b", "https://a.b; script-src *", "https://a.b/c")
        ),
        (
            'webrtc.public_ip = "my host"',
            f"config.toml:1: webrtc.public_ip: {HOST}, not 'my host'",
        ),
        (
            '[webrtc]\nnat_1to1_ips = [\n  "1.2.3.4",\n  "1.2.3.400",\n]\n',
            f"config.toml:2: webrtc.nat_1to1_ips: {IP}, not '1.2.3.400'",
        ),
        (
            '[api.auth]\nenable = "yes"\n',
            "config.toml:2: api.auth.enable: must be true or false, not the text 'yes'",
        ),
        (
            "[log]\nmax_lines = true\n",
            "config.toml:2: log.max_lines: must be a whole number, not true",
        ),
        ("log = 5", "config.toml:1: log: must be a table, not the number 5"),
        (
            '[log]\nlevel = "loud"',
            f"config.toml:2: log.level: must be one of {LEVELS}; not 'loud'",
        ),
        (
            'address = "8080"',
            "config.toml:1: address: must be host:port, [IPv6]:port or :port, not '8080'",
        ),
        (
            '[ffmpeg.access.input]\nallow = ["("]',
            "config.toml:2: ffmpeg.access.input.allow: must be a regular expression, not '('",
        ),
        (
            '[[storage.s3]]\nname = "a"\n[[storage.s3]]\n# two\nbucket = 5\n',
            "config.toml:5: storage.s3.1.bucket: must be text, not the number 5",
        ),
        ("version = 2", "config.toml:1: version: must be 3, not 2"),
    ],
)
def test_a_mistake_is_told_with_line_key_and_reason(text: str, told: str) -> None:
    assert refusal(text).message == told


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = = 1\n", "config.toml:1:5: "),
        ("ok = 1\n[broken\n", "config.toml:2:8: "),
        ("a = 1\na = 2\n", "config.toml:2:6: "),
        ("a = [1,\n2\n", "config.toml:3: "),
        ("a = " + "[" * 5000, "config.toml: "),
        ("a = " + "1" * 5000, "config.toml: "),
    ],
)
def test_broken_toml_is_told_with_line_and_column(text: str, place: str) -> None:
    assert refusal(text).message.startswith(place)


def test_all_mistakes_are_told_at_once() -> None:
    error = refusal("[webrtc]\nudp_mux_port = -1\n[log]\nmax_lines = 'x'\n")
    assert error.message == "config.toml: 2 problems"
    assert [line.partition(": ")[0] for line in error.details] == [
        "config.toml:4",
        "config.toml:2",
    ]
    assert set(error.problems) == {"webrtc.udp_mux_port", "log.max_lines"}


def test_the_environment_wins_and_is_listed() -> None:
    loaded = parsed(
        'name = "file"\n[webrtc]\nudp_mux_port = 1\n',
        CORE_NAME="variable",
        CORE_WEBRTC_ENABLE="true",
        CORE_WEBRTC_NAT_1TO1_IPS="192.0.2.1, 2001:db8::1",
        CORE_FFMPEG_MAXPROCESSES="7",
        CORE_FFMPEG_ACCESS_INPUT_BLOCK="^file: ^pipe:",
        CORE_METRICS_RANGE_SECONDS="60",
        CORE_STORAGE_DISK_CACHE_TYPES_BLOCK=".ts",
        CORE_API_AUTH_PASSWORD="",
    )
    config = loaded.config
    assert (config.name, config.webrtc.enable, config.webrtc.udp_mux_port) == (
        "variable",
        True,
        1,
    )
    assert config.webrtc.nat_1to1_ips == ("192.0.2.1", "2001:db8::1")
    assert config.ffmpeg.max_processes == 7
    assert config.ffmpeg.access.input.block == ("^file:", "^pipe:")
    assert loaded.overrides == (
        "ffmpeg.access.input.block",
        "ffmpeg.max_processes",
        "metrics.range_seconds",
        "name",
        "storage.disk.cache.type.block",
        "webrtc.enable",
        "webrtc.nat_1to1_ips",
    )


def test_the_newer_name_of_a_variable_wins() -> None:
    assert parsed("", RS_USERNAME="old").config.api.auth.username == "old"
    both = parsed("", RS_USERNAME="old", CORE_API_AUTH_USERNAME="new")
    assert both.config.api.auth.username == "new"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("CORE_WEBRTC_UDP_MUX_PORT", "70000", "must be 0 to 65535, not 70000"),
        ("CORE_WEBRTC_UDP_MUX_PORT", "many", "must be a whole number, not 'many'"),
        ("CORE_WEBRTC_ENABLE", "maybe", "must be true or false, not 'maybe'"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, told: str) -> None:
    message = refusal("[webrtc]\nudp_mux_port = 5\n", **{variable: value}).message
    assert message.startswith(f"environment variable {variable}: webrtc.")
    assert message.endswith(told)


def test_a_misspelt_variable_is_a_warning_with_a_guess() -> None:
    warnings = parsed("", CORE_WEBRTC_ENABEL="1").warnings
    assert warnings == (
        "CORE_WEBRTC_ENABEL is not a variable that we know; did you mean CORE_WEBRTC_ENABLE?",
    )


@pytest.mark.parametrize(
    "address", [":8080", "0.0.0.0:8080", "[::]:80", "192.0.2.1:1", "box:1"]
)
def test_listening_beyond_loopback_needs_auth(address: str) -> None:
    parsed(f'address = "{address}"')
    error = refusal(f'address = "{address}"\n[api.auth]\nenable = false\n')
    assert list(error.problems) == ["address"]


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8080", "127.9.9.9:1", "[::1]:0", "localhost:80"]
)
def test_loopback_may_go_without_auth(address: str) -> None:
    assert not parsed(
        f'address = "{address}"\n[api.auth]\nenable = false'
    ).config.api.auth.enable


@pytest.mark.parametrize(
    "text",
    [
        "[tls]\nauto = true",
        "[tls]\nenable = true",
        '[tls]\nenable = true\ncert_file = "none.pem"',
    ],
)
def test_protection_that_is_not_there_is_refused_not_ignored(text: str) -> None:
    assert refusal(text).problems


def test_a_key_without_effect_is_said() -> None:
    warnings = parsed('[rtmp]\napp = "/live"\n').warnings
    assert warnings == ("rtmp is set, but has no effect: the RTMP server comes later",)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('address = ":8080"', "set tls"),
        ('address = "192.0.2.1:8080"', "set tls"),
        ('address = "127.0.0.1:8080"', None),
        ('address = ":8080"\n[api]\ntrusted_proxies = ["10.0.0.2/32"]', None),
    ],
)
def test_passwords_in_clear_text_are_warned_of(text: str, advice: str | None) -> None:
    warnings = parsed(text).warnings
    assert len(warnings) == (advice is not None)
    assert all("without TLS" in one and str(advice) in one for one in warnings)


def test_an_error_never_shows_a_secret() -> None:
    for text in (
        '[api.auth]\npassword = "hunter2\\u0007"',
        "[api.auth]\npassword = 4711",
        '[api.auth.jwt]\nsecret = "hunter2"',
    ):
        error = refusal(text)
        told = " ".join([error.message, *error.details])
        assert "hunter2" not in told
        assert "4711" not in told


def test_every_secret_is_a_key() -> None:
    tree = Config().model_dump(mode="json")
    for key in SECRETS - {key for key in SECRETS if key.startswith("storage.s3")}:
        assert value_at(tree, key) == ""


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\xef\xbb\xbfname = 1", ":1:1: a byte order mark; save the file as UTF-8 without it"),
        (b"name = 1\nx = '\xff'", ":2:6: not UTF-8"),
        (b"#" * (MAX_FILE + 1), f": larger than {MAX_FILE} bytes, which no configuration is"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert caught.value.message == f"{path}{told}"


def test_a_named_file_must_exist_and_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; `dragonctl config init`"):
        load(tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match="no such file"):
        load(None, {"CORE_CONFIGFILE": str(tmp_path / "none.toml")})
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path, {})
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigError, match="not a regular file"):
        load(tmp_path / "fifo", {})


def test_the_unnamed_file_lies_in_the_data_directory_and_may_be_missing(tmp_path: Path) -> None:
    environ = {"CORE_DB_DIR": str(tmp_path)}
    loaded = load(None, environ)
    assert loaded.path == default_path(environ) == tmp_path / "config.toml"
    assert loaded.text == ""
    loaded.path.write_text('name = "there"')
    assert load(None, environ).config.name == "there"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_no_text_brings_anything_but_a_configuration_or_a_config_error(text: str) -> None:
    message = "config.toml"
    try:
        parse(text, PATH, {})
    except ConfigError as error:
        message = error.message
    assert message.startswith("config.toml")
