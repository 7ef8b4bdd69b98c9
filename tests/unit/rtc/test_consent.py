"""consent: 30 seconds of silence end it, once and for all."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.rtc.consent import CONSENT_TIMEOUT, NEXT, Consent, ConsentExpired, State


def test_silence_expires_consent_once_and_for_all() -> None:
    consent = Consent(now=0.0)
    consent.handle_timeout(now=30.0)
    consent.receive_check(now=31.0)
    consent.handle_timeout(now=90.0)
    assert consent.poll_event() == ConsentExpired(idle=30.0)
    assert consent.poll_event() is None
    assert consent.next_timeout() is None


def test_a_check_grants_and_moves_the_deadline() -> None:
    consent = Consent(now=0.0)
    consent.receive_check(now=12.0)
    assert consent.state is State.GRANTED
    assert consent.next_timeout() == 42.0
    consent.handle_timeout(now=41.9)
    assert consent.poll_event() is None
    consent.handle_timeout(now=42.0)
    assert consent.poll_event() == ConsentExpired(idle=30.0)


def test_an_early_timeout_changes_nothing() -> None:
    consent = Consent(now=5.0)
    consent.handle_timeout(now=5.0)
    assert consent.state is State.WAITING
    assert consent.next_timeout() == 35.0


def test_every_state_has_its_row_in_the_table() -> None:
    assert set(NEXT) == set(State)
    assert not NEXT[State.EXPIRED]


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 40.0)), max_size=20))
def test_consent_expires_exactly_when_a_gap_is_too_long(
    steps: list[tuple[bool, float]],
) -> None:
    consent = Consent(now=0.0)
    now = last = 0.0
    expired = False
    for is_check, gap in steps:
        now += gap
        consent.handle_timeout(now)
        expired = expired or now >= last + CONSENT_TIMEOUT
        if is_check:
            consent.receive_check(now)
            last = last if expired else now
        assert (consent.state is State.EXPIRED) == expired
        assert (consent.next_timeout() is None) == expired
