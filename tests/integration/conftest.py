"""What integration tests of several rooms share."""

import pytest

VERDICT = "dragonctl.whep_test.verdict"


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whep-test forgive freezes: those of a busy machine are not the server's."""
    monkeypatch.setattr(f"{VERDICT}.FREEZE_LIMIT_MS", 60_000)
    monkeypatch.setattr(f"{VERDICT}.LONG_FREEZE_SHARE", 1e6)
