"""What the service manager is told, and when not."""

import asyncio
import os

import pytest

from daemon.notify import Notifier


def test_the_watchdog_is_fed_three_times_as_often_as_it_wants() -> None:
    environ = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"}
    assert Notifier(environ).interval == 10.0
    assert Notifier(environ | {"WATCHDOG_PID": str(os.getpid())}).interval == 10.0
    assert Notifier(environ | {"WATCHDOG_PID": "1"}).interval == 0.0
    assert Notifier(environ | {"WATCHDOG_USEC": "soon"}).interval == 0.0


async def test_without_a_manager_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.say("READY=1")
    await notifier.run(asyncio.sleep)  # type: ignore[arg-type] # it comes back at once


async def test_a_manager_that_is_gone_is_no_error() -> None:
    Notifier({"NOTIFY_SOCKET": "/nonexistent/notify"}).say("READY=1")


async def test_a_part_that_fails_leaves_the_watchdog_hungry(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    proofs = iter([None, OSError("the disk is gone")])
    notifier = Notifier({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "3000"})
    monkeypatch.setattr(notifier, "say", said.append)

    async def prove() -> None:
        proof = next(proofs, asyncio.CancelledError())
        if proof is not None:
            raise proof

    with pytest.raises(asyncio.CancelledError):
        await notifier.run(prove)
    assert said == ["WATCHDOG=1"]
    assert "the disk is gone" in caplog.text
