"""Who may have the level raw, and what the log says of it."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from daemon.errors import InvalidError
from daemon.restream.check import Author, Checks
from daemon.restream.config import ConfigIO, ConfigWebRTC, ProcessConfig, ProcessId
from daemon.restream.host import Hosts
from daemon.restream.policy import Policy

ADMIN = Author("root", may_raw=True)
OPERATOR = Author("olga", may_raw=False)
RAW = ProcessConfig(
    id=ProcessId("cam"),
    input=(ConfigIO("in", "rtsp://camera/1"),),
    output=(ConfigIO("out", "-", ("-vf", "subtitles=a.srt", "-f", "null")),),
)
PLAIN = replace(RAW, output=(ConfigIO("out", "-", ("-f", "null")),))


def checks(policy: Policy) -> Checks:
    return Checks(lambda _: None, {}, policy, Hosts(lambda _: ["10.0.0.7"]))


async def test_at_the_level_raw_operators_stay_safe_and_administrators_are_noted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    raw = checks(Policy())
    await raw.check(PLAIN, OPERATOR)
    await raw.check(PLAIN, ADMIN)
    assert not caplog.records
    with pytest.raises(InvalidError) as caught:
        await raw.check(RAW, OPERATOR)
    assert "the filter subtitles is not allowed" in caught.value.details[0]
    await raw.check(RAW, ADMIN)
    [record] = caplog.records
    assert record.getMessage().startswith("audit: root writes process cam at the level raw: ")


async def test_an_operator_may_change_what_ffmpeg_is_not_told() -> None:
    raw = checks(Policy())
    changed = replace(RAW, reconnect=True, webrtc=ConfigWebRTC(enabled=True))
    await raw.check(changed, OPERATOR, before=RAW)
    with pytest.raises(InvalidError):
        await raw.check(replace(changed, options=("-y",)), OPERATOR, before=RAW)


async def test_at_the_level_safe_nobody_is_more() -> None:
    with pytest.raises(InvalidError):
        await checks(Policy(is_safe=True)).check(RAW, ADMIN, before=RAW)


async def test_names_are_looked_up_when_stored_and_before_a_start() -> None:
    inside = checks(Policy(networks=(ip_network("10.0.0.0/8"),)))
    for refused in (inside.check(PLAIN, ADMIN), inside.admit(PLAIN)):
        with pytest.raises(InvalidError, match=r"camera is 10\.0\.0\.7"):
            await refused
