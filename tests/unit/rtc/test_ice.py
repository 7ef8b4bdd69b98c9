"""ice: authenticated checks are answered, moves are proven, silence ends it."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.rtc import stun
from daemon.rtc.consent import ConsentExpired
from daemon.rtc.demux import Address
from daemon.rtc.ice import AddressSelected, Credentials, IceLite

LOCAL = Credentials("server00", "the server's password 24")
REMOTE = Credentials("view", "the viewer's password 24")
HOME: Address = ("192.0.2.1", 5000)
AWAY: Address = ("198.51.100.2", 6000)
THIRD: Address = ("203.0.113.3", 7000)
SEED = b"sixteen bytes or"


def _agent(now: float = 0.0) -> IceLite:
    return IceLite(LOCAL, REMOTE, tie_breaker=42, transaction_seed=SEED, now=now)


def _check(
    *,
    nominate: bool = False,
    local: Credentials = LOCAL,
    remote: Credentials = REMOTE,
    username: str | None = None,
    controlling: bool = True,
    number: int = 0,
) -> bytes:
    """Build a viewer's Binding request; USE-CANDIDATE goes in front of the signature."""
    plain = stun.build_binding_request(
        number.to_bytes(12, "big"),
        username or f"{local.ufrag}:{remote.ufrag}",
        local.pwd.encode(),
        priority=1,
        tie_breaker=7,
        controlling=controlling,
    )
    if not nominate:
        return plain
    return _resign(plain[:-32] + b"\x00\x25\x00\x00", local.pwd.encode())


def _resign(unsigned: bytes, key: bytes) -> bytes:
    """Add MESSAGE-INTEGRITY, without FINGERPRINT, to a header and its attributes."""
    length = (len(unsigned) - 20 + 24).to_bytes(2, "big")
    covered = unsigned[:2] + length + unsigned[4:]
    mac = hashlib.sha1(_pad(key, 0x36) + covered).digest()
    return covered + b"\x00\x08\x00\x14" + hashlib.sha1(_pad(key, 0x5C) + mac).digest()


def _pad(key: bytes, value: int) -> bytes:
    return bytes(byte ^ value for byte in key.ljust(64, b"\0"))


def _transmits(agent: IceLite) -> list[tuple[stun.Message, Address]]:
    sent = []
    while (transmit := agent.poll_transmit()) is not None:
        sent.append((stun.parse(transmit[0]), transmit[1]))
    return sent


def _events(agent: IceLite) -> list[AddressSelected | ConsentExpired]:
    events = []
    while (event := agent.poll_event()) is not None:
        events.append(event)
    return events


def _requests(agent: IceLite) -> list[tuple[stun.Message, Address]]:
    return [
        sent for sent in _transmits(agent) if sent[0].message_class is stun.MessageClass.REQUEST
    ]


def _answer(request: stun.Message, *, remote: Credentials = REMOTE) -> bytes:
    return stun.build_binding_success(request, ("203.0.113.9", 9), remote.pwd.encode())


def _nominated(now: float = 0.0) -> IceLite:
    """Return an agent that has settled on HOME, drained."""
    agent = _agent(now)
    agent.receive_datagram(_check(nominate=True), HOME, now)
    _transmits(agent)
    _events(agent)
    return agent


def test_an_authenticated_check_is_answered_to_where_it_came_from() -> None:
    agent = _agent()
    agent.receive_datagram(_check(number=77), HOME, 1.0)
    [(answer, address)] = _transmits(agent)
    assert address == HOME
    assert answer.message_class is stun.MessageClass.SUCCESS
    assert answer.transaction_id == (77).to_bytes(12, "big")
    assert answer.mapped_address == HOME
    assert answer.verify(LOCAL.pwd.encode())
    assert agent.is_valid(HOME)
    assert not agent.is_valid(AWAY)
    assert agent.selected is None
    assert _events(agent) == []


@pytest.mark.parametrize(
    ("data", "counter"),
    [
        (b"", "malformed"),
        (_check()[:-1], "malformed"),
        (_check()[:-1] + b"\0", "malformed"),
        (_check(username="server00:other"), "wrong_user"),
        (_check(username="other:view"), "wrong_user"),
        (_check(username="view:server00"), "wrong_user"),
        (_check(username="server00"), "wrong_user"),
        (_check(local=Credentials("server00", "guess")), "bad_integrity"),
        (_check(local=Credentials("server00", REMOTE.pwd)), "bad_integrity"),
        (_answer(stun.parse(_check())), "unexpected"),
        (stun.build_role_conflict(stun.parse(_check()), LOCAL.pwd.encode()), "unexpected"),
        (b"\x00\x11" + _resign(_check()[:-32], LOCAL.pwd.encode())[2:], "unexpected"),
        (b"\x00\x03" + _resign(_check()[:-32], LOCAL.pwd.encode())[2:], "unexpected"),
    ],
)
def test_nothing_else_gets_a_reply(data: bytes, counter: str) -> None:
    agent = _agent()
    agent.receive_datagram(data, HOME, 1.0)
    assert agent.poll_transmit() is None
    assert agent.poll_event() is None
    assert not agent.is_valid(HOME)
    assert agent.next_timeout() == 30.0
    assert {name: n for name, n in agent.counters.items() if n} == {counter: 1}


def test_a_check_without_any_signature_gets_no_reply() -> None:
    unsigned = _check()[:-32]
    unsigned = unsigned[:2] + (len(unsigned) - 20).to_bytes(2, "big") + unsigned[4:]
    agent = _agent()
    agent.receive_datagram(unsigned, HOME, 1.0)
    assert agent.poll_transmit() is None
    assert agent.counters["bad_integrity"] == 1


def test_the_first_nominated_address_is_selected_once() -> None:
    agent = _agent()
    agent.receive_datagram(_check(), AWAY, 0.0)
    agent.receive_datagram(_check(nominate=True), HOME, 0.1)
    agent.receive_datagram(_check(nominate=True), HOME, 0.2)
    assert agent.selected == HOME
    assert _events(agent) == [AddressSelected(HOME)]
    assert len(_transmits(agent)) == 3


def test_a_viewer_that_claims_our_role_is_told_to_switch() -> None:
    agent = _agent()
    agent.receive_datagram(_check(controlling=False), HOME, 1.0)
    [(answer, address)] = _transmits(agent)
    assert (answer.error_code, address) == (487, HOME)
    assert answer.verify(LOCAL.pwd.encode())
    assert not agent.is_valid(HOME)


def test_four_addresses_are_kept_the_selected_one_among_them() -> None:
    agent = _nominated()
    others: list[Address] = [("198.51.100.1", port) for port in range(6)]
    for other in others:
        agent.receive_datagram(_check(), other, 1.0)
    assert agent.is_valid(HOME)
    assert [agent.is_valid(other) for other in others] == [False] * 3 + [True] * 3


def test_a_move_waits_for_the_answer_to_our_own_check() -> None:
    agent = _nominated()
    agent.receive_datagram(_check(nominate=True), AWAY, 10.0)
    [(request, address)] = _requests(agent)
    assert address == AWAY
    assert request.username == "view:server00"
    assert request.verify(REMOTE.pwd.encode())
    assert (request.controlled, request.controlling) == (42, None)
    assert not request.use_candidate
    assert agent.selected == HOME
    agent.receive_datagram(_answer(request), AWAY, 10.1)
    assert agent.selected == AWAY
    assert _events(agent) == [AddressSelected(AWAY)]
    assert agent.counters["address_changes"] == 1
    assert agent.is_valid(HOME)


def test_only_the_right_answer_from_the_right_place_moves_us() -> None:
    agent = _nominated()
    agent.receive_datagram(_check(nominate=True), AWAY, 10.0)
    [(request, _)] = _requests(agent)
    stranger = stun.parse(_check(number=1234))
    agent.receive_datagram(_answer(request), THIRD, 10.1)
    agent.receive_datagram(_answer(request), HOME, 10.1)
    agent.receive_datagram(_answer(stranger), AWAY, 10.1)
    agent.receive_datagram(_answer(request, remote=LOCAL), AWAY, 10.1)
    agent.receive_datagram(stun.build_role_conflict(request, REMOTE.pwd.encode()), AWAY, 10.1)
    empty = b"\x01\x01\0\0\x21\x12\xa4\x42" + request.transaction_id
    agent.receive_datagram(_resign(empty, REMOTE.pwd.encode()), AWAY, 10.1)
    assert agent.selected == HOME
    assert _events(agent) == []
    assert (agent.counters["unexpected"], agent.counters["bad_integrity"]) == (5, 1)
    agent.receive_datagram(_answer(request), AWAY, 10.2)
    assert agent.selected == AWAY


def test_our_checks_are_paced_and_seven_at_most() -> None:
    agent = _nominated()
    agent.receive_datagram(_check(nominate=True), AWAY, 10.0)
    times = [10.0 for _ in _requests(agent)]
    while (due := agent.next_timeout()) is not None and due < 20.0:
        agent.receive_datagram(_check(nominate=True), AWAY, due - 0.01)  # buys no more
        agent.handle_timeout(due)
        times += [due for _ in _requests(agent)]
        if agent.counters["own_checks_failed"]:
            break
    assert times == [10.0, 10.5, 11.0, 11.5, 12.0, 12.5, 13.0]
    assert agent.selected == HOME
    assert agent.next_timeout() == pytest.approx(13.49 + 30.0)


def test_a_late_answer_to_an_early_check_still_counts() -> None:
    agent = _nominated()
    agent.receive_datagram(_check(nominate=True), AWAY, 10.0)
    [(first, _)] = _requests(agent)
    agent.handle_timeout(10.5)
    [(second, _)] = _requests(agent)
    assert first.transaction_id != second.transaction_id
    agent.receive_datagram(_answer(first), AWAY, 10.9)
    assert agent.selected == AWAY


def test_a_viewer_that_flaps_moves_us_once_in_two_seconds() -> None:
    agent = _nominated()
    agent.receive_datagram(_check(nominate=True), AWAY, 10.0)
    [(request, _)] = _requests(agent)
    agent.receive_datagram(_answer(request), AWAY, 10.1)
    agent.receive_datagram(_check(nominate=True), HOME, 10.2)
    assert _requests(agent) == []
    assert agent.next_timeout() == pytest.approx(12.1)
    agent.handle_timeout(12.1)
    [(request, address)] = _requests(agent)
    agent.receive_datagram(_answer(request), address, 12.2)
    assert agent.selected == HOME


def test_many_targets_buy_no_more_checks_than_one() -> None:
    agent = _nominated()
    sent = 0
    for step in range(100):  # one second
        target: Address = (f"198.51.100.{step}", 1)
        agent.receive_datagram(_check(nominate=True), target, 10 + step / 100)
        agent.handle_timeout(10 + step / 100)
        sent += len(_requests(agent))
    assert sent == 2


def test_the_latest_nomination_wins() -> None:
    agent = _nominated()
    agent.receive_datagram(_check(nominate=True), AWAY, 10.0)
    [(request, _)] = _requests(agent)
    agent.receive_datagram(_check(nominate=True), HOME, 10.1)
    agent.receive_datagram(_answer(request), AWAY, 10.2)
    assert agent.selected == HOME
    agent.handle_timeout(20.0)
    assert _requests(agent) == []


def test_silence_for_thirty_seconds_ends_it_for_good() -> None:
    agent = _nominated()
    agent.receive_datagram(_check(), HOME, 12.0)
    _transmits(agent)
    assert agent.next_timeout() == 42.0
    agent.handle_timeout(42.0)
    assert _events(agent) == [ConsentExpired(idle=30.0)]
    agent.receive_datagram(_check(nominate=True), HOME, 43.0)
    assert agent.poll_transmit() is None
    assert not agent.is_valid(HOME)
    assert agent.next_timeout() is None


def test_authentic_srtcp_keeps_it_alive_but_starts_nothing() -> None:
    fresh = _agent()
    fresh.note_alive(20.0)
    assert fresh.next_timeout() == 30.0
    agent = _nominated()
    agent.note_alive(20.0)
    assert agent.next_timeout() == 50.0


def test_an_answer_to_our_check_is_a_sign_of_life() -> None:
    agent = _nominated()
    agent.receive_datagram(_check(nominate=True), AWAY, 10.0)
    [(request, _)] = _requests(agent)
    agent.receive_datagram(_answer(request), AWAY, 10.4)
    assert agent.next_timeout() == pytest.approx(40.4)


NEW_LOCAL = Credentials("server11", "another password, server")
NEW_REMOTE = Credentials("anew", "another password, viewer")


def test_a_restart_keeps_the_old_pair_until_the_new_one_holds() -> None:
    agent = _nominated()
    agent.restart(NEW_LOCAL, NEW_REMOTE, 5.0)
    agent.receive_datagram(_check(nominate=True), HOME, 6.0)
    [(answer, _)] = _transmits(agent)
    assert answer.verify(LOCAL.pwd.encode())
    assert agent.is_valid(HOME)
    agent.receive_datagram(_check(nominate=True), AWAY, 6.1)
    assert _requests(agent) == []  # the old credentials nominate nothing any more

    new_check = _check(nominate=True, local=NEW_LOCAL, remote=NEW_REMOTE)
    agent.receive_datagram(new_check, THIRD, 7.0)
    [(request, address)] = _requests(agent)
    assert (request.username, address) == ("anew:server11", THIRD)
    assert request.verify(NEW_REMOTE.pwd.encode())
    assert agent.selected == HOME
    agent.receive_datagram(_answer(request, remote=NEW_REMOTE), THIRD, 7.1)
    assert agent.selected == THIRD
    assert not agent.is_valid(HOME)
    agent.receive_datagram(_check(), HOME, 7.2)
    assert agent.counters["wrong_user"] == 1


def test_a_restart_on_the_same_path_needs_no_check_of_ours() -> None:
    agent = _nominated()
    agent.restart(NEW_LOCAL, NEW_REMOTE, 5.0)
    new_check = _check(nominate=True, local=NEW_LOCAL, remote=NEW_REMOTE)
    agent.receive_datagram(new_check, HOME, 6.0)
    [(answer, _)] = _transmits(agent)
    assert answer.verify(NEW_LOCAL.pwd.encode())
    assert agent.selected == HOME
    assert agent.is_valid(HOME)
    assert _events(agent) == []
    agent.receive_datagram(_check(), HOME, 7.0)
    assert agent.poll_transmit() is None


def test_a_restart_does_not_bring_back_a_viewer_who_was_silent() -> None:
    agent = _nominated()
    agent.restart(NEW_LOCAL, NEW_REMOTE, 31.0)
    assert _events(agent) == [ConsentExpired(idle=31.0)]
    agent.receive_datagram(_check(local=NEW_LOCAL, remote=NEW_REMOTE), HOME, 32.0)
    assert agent.poll_transmit() is None


def test_passwords_do_not_show_in_a_repr() -> None:
    assert "password" not in repr(LOCAL)


def test_the_same_seed_gives_the_same_bytes() -> None:
    agents = _nominated(), _nominated()
    for agent in agents:
        agent.receive_datagram(_check(nominate=True), AWAY, 10.0)
        agent.poll_transmit()
    assert agents[0].poll_transmit() == agents[1].poll_transmit()


_ADDRESSES = st.sampled_from([HOME, AWAY, THIRD])
_DATAGRAMS = st.one_of(
    st.binary(max_size=120),
    st.builds(
        _check,
        nominate=st.booleans(),
        local=st.sampled_from([LOCAL, NEW_LOCAL, Credentials("server00", "wrong")]),
        remote=st.sampled_from([REMOTE, NEW_REMOTE]),
        controlling=st.booleans(),
    ),
)


@given(st.lists(st.tuples(_DATAGRAMS, _ADDRESSES, st.floats(0.0, 4.0)), max_size=12))
def test_whatever_comes_replies_stay_few_and_moves_stay_proven(
    steps: list[tuple[bytes, Address, float]],
) -> None:
    agent = _agent()
    now, answered = 0.0, set()
    for data, address, gap in steps:
        now += gap
        agent.handle_timeout(now)
        before = agent.selected
        agent.receive_datagram(data, address, now)
        sent = _transmits(agent)
        assert len(sent) <= 3  # a check that was due, an answer, a check of ours
        answered |= {to for _, to in sent}
        assert agent.selected is None or agent.selected in answered
        assert before is None or agent.selected == before  # nobody answered our checks
        due = agent.next_timeout()
        assert (due is None) == any(isinstance(e, ConsentExpired) for e in _events(agent))
        if due is None:
            return
        assert due > now
