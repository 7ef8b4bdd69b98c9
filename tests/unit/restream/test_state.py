"""Life: every pair of state and event, deadlines, back-off; then any sequence of them."""

import math

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.restream.state import (
    ALIVE,
    LADDER_SECONDS,
    NEXT,
    Action,
    Cause,
    Exec,
    Life,
    Order,
    Rules,
)

RECONNECT = Rules(reconnect=True, reconnect_delay_seconds=5.0)
START, STOP = Order.START, Order.STOP
DEAD = [state for state in Exec if state not in ALIVE]
EXIT_CODES = {Exec.FINISHED: 0, Exec.FAILED: 1, Exec.KILLED: -9}


def drain(life: Life) -> list[Action]:
    actions = []
    while (action := life.poll_action()) is not None:
        actions.append(action)
    return actions


def life_in(order: Order, state: Exec, rules: Rules = RECONNECT, now: float = 0.0) -> Life:
    """One life in this order and state at ``now``, with nothing left to do."""
    life = Life(START, rules, now)
    life.handle_timeout(now)
    if state is not Exec.STARTING:
        life.receive_exec(now)
    if state is Exec.FINISHING and order is START:
        life.receive_exceeded(now)
    elif state is Exec.FINISHING:
        life.receive_order(STOP, now)
    elif state in EXIT_CODES:
        life.receive_exit(EXIT_CODES[state], now, dice=0.5)
        life.receive_order(STOP, now) if order is STOP else None
    drain(life)
    assert (life.order, life.exec) == (order, state)
    return life


# Stopped and starting or running can't be: a stop makes both finishing
PAIRS = [
    (order, state)
    for order in Order
    for state in Exec
    if order is START or state in {*DEAD, Exec.FINISHING}
]


I, N = [Action.INTERRUPT], []  # type: ignore[var-annotated]  # noqa: E741


S = [Action.START]


Row = dict[Exec, tuple[Order, Exec, list[Action]]]


# event -> state before -> (order, state, actions) after; by the order before
TABLE_STARTED: dict[str, Row] = {
    "start": {
        Exec.STARTING: (START, Exec.STARTING, N),
        Exec.RUNNING: (START, Exec.RUNNING, N),
        Exec.FINISHING: (START, Exec.FINISHING, N),
        **dict.fromkeys(DEAD, (START, Exec.STARTING, S)),
    },
    "stop": {
        Exec.STARTING: (STOP, Exec.FINISHING, I),
        Exec.RUNNING: (STOP, Exec.FINISHING, I),
        Exec.FINISHING: (STOP, Exec.FINISHING, N),
        **{state: (STOP, state, N) for state in DEAD},
    },
    "restart": {
        Exec.STARTING: (START, Exec.FINISHING, I),
        Exec.RUNNING: (START, Exec.FINISHING, I),
        Exec.FINISHING: (START, Exec.FINISHING, N),
        **dict.fromkeys(DEAD, (START, Exec.STARTING, S)),
    },
    "exec": {
        Exec.STARTING: (START, Exec.RUNNING, N),
        **{state: (START, state, N) for state in Exec if state is not Exec.STARTING},
    },
    "exceeded": {
        Exec.RUNNING: (START, Exec.FINISHING, I),
        **{state: (START, state, N) for state in Exec if state is not Exec.RUNNING},
    },
    "progress": {state: (START, state, N) for state in Exec},
}


TABLE_STOPPED: dict[str, Row] = {
    "start": {
        Exec.FINISHING: (START, Exec.FINISHING, N),
        **dict.fromkeys(DEAD, (START, Exec.STARTING, S)),
    },
    "stop": {state: (STOP, state, N) for state in [*DEAD, Exec.FINISHING]},
    "restart": {state: (STOP, state, N) for state in [*DEAD, Exec.FINISHING]},
    "exec": {state: (STOP, state, N) for state in [*DEAD, Exec.FINISHING]},
    "exceeded": {state: (STOP, state, N) for state in [*DEAD, Exec.FINISHING]},
    "progress": {state: (STOP, state, N) for state in [*DEAD, Exec.FINISHING]},
}


ROWS = [
    (order, event, before, after)
    for order, table in ((START, TABLE_STARTED), (STOP, TABLE_STOPPED))
    for event, row in table.items()
    for before, after in row.items()
]


def apply(life: Life, event: str, now: float) -> None:
    match event:
        case "start":
            life.receive_order(START, now)
        case "stop":
            life.receive_order(STOP, now)
        case "restart":
            life.receive_restart(now)
        case "exec":
            life.receive_exec(now)
        case "exceeded":
            life.receive_exceeded(now)
        case "progress":
            life.receive_progress(now)
    life.handle_timeout(now)


def test_the_tables_have_every_pair() -> None:
    assert {(order, before) for order, _, before, _ in ROWS} == set(PAIRS)
    for table in (TABLE_STARTED, TABLE_STOPPED):
        assert len({frozenset(row) for row in table.values()}) == 1


@pytest.mark.parametrize(("order", "event", "before", "after"), ROWS)
def test_each_event_in_each_state(
    order: Order, event: str, before: Exec, after: tuple[Order, Exec, list[Action]]
) -> None:
    life = life_in(order, before)
    apply(life, event, 1.0)
    assert (life.order, life.exec, drain(life)) == after


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("state", [Exec.STARTING, Exec.RUNNING, Exec.FINISHING])
@pytest.mark.parametrize(
    ("code", "after"),
    [
        (0, Exec.FINISHED),
        (255, Exec.FINISHED),
        (1, Exec.FAILED),
        (134, Exec.FAILED),
        (-9, Exec.KILLED),
        (-11, Exec.KILLED),
        (None, Exec.FAILED),
    ],
)
def test_an_exit_is_classified_by_its_code(
    order: Order, state: Exec, code: int | None, after: Exec
) -> None:
    if (order, state) not in PAIRS:
        return
    life = life_in(order, state)
    life.receive_exit(code, 1.0, dice=0.5)
    if code is None and state is Exec.FINISHING:
        after = Exec.FINISHED  # a start that was given up
    assert (life.exec, life.exit_code) == (after, code)
    assert life.reconnect_seconds(1.0) == (5 if order is START else -1)


@pytest.mark.parametrize("order", Order)
def test_it_is_restarted_only_after_the_exit(order: Order) -> None:
    life = life_in(order, Exec.FINISHING)
    life.receive_order(START, 1.0)
    life.receive_restart(1.0)
    life.handle_timeout(4.0)
    assert drain(life) == []
    life.receive_exit(255, 4.0, dice=0.5)
    life.handle_timeout(4.0)
    assert drain(life) == [Action.START]
    assert not life.is_automatic
    assert life.restarts == 0


def test_each_change_of_state_is_counted() -> None:
    life = life_in(START, Exec.RUNNING, Rules())
    life.receive_exit(1, 2.0, dice=0.5)
    life.receive_order(START, 3.0)
    life.handle_timeout(3.0)
    assert life.entered[Exec.STARTING] == 2
    assert (life.entered[Exec.RUNNING], life.entered[Exec.FAILED]) == (1, 1)
    assert life.entered[Exec.FINISHED] == 0  # that is how it began


def test_a_restart_needs_no_reconnect_but_a_crash_does() -> None:
    life = life_in(START, Exec.RUNNING, Rules())
    life.receive_restart(1.0)
    life.receive_exit(255, 1.1, dice=0.5)
    life.handle_timeout(1.1)
    life.receive_exec(1.2)
    assert drain(life) == [Action.INTERRUPT, Action.START]
    life.receive_exit(1, 2.0, dice=0.5)
    assert life.next_timeout() is None
    assert life.reconnect_seconds(2.0) == -1


def test_stop_forgets_a_restart_that_was_pending() -> None:
    life = life_in(START, Exec.RUNNING)
    life.receive_restart(1.0)
    life.receive_order(STOP, 1.0)
    life.receive_exit(255, 1.1, dice=0.5)
    life.handle_timeout(100.0)
    assert drain(life) == [Action.INTERRUPT]
    assert life.exec is Exec.FINISHED


def test_the_ladder_climbs_by_its_deadlines() -> None:
    life = life_in(START, Exec.RUNNING)
    life.receive_order(STOP, 10.0)
    seen = [(10.0, drain(life))]
    while (due := life.next_timeout()) is not None:
        life.handle_timeout(due - 0.01)
        assert drain(life) == []
        life.handle_timeout(due)
        seen.append((due, drain(life)))
    assert seen == [
        (10.0, [Action.INTERRUPT]),
        (15.0, [Action.TERMINATE]),
        (17.0, [Action.KILL]),
        (19.0, [Action.ALARM]),
    ]
    assert LADDER_SECONDS == 9.0
    life.receive_order(START, 30.0)  # the slot is not used again until it is gone
    life.handle_timeout(100.0)
    assert (life.exec, drain(life)) == (Exec.FINISHING, [])


def test_a_late_timer_leaves_out_no_rung() -> None:
    life = life_in(START, Exec.RUNNING)
    life.receive_order(STOP, 10.0)
    drain(life)
    life.handle_timeout(60.0)
    assert drain(life) == [Action.TERMINATE]
    assert life.next_timeout() == 62.0


def stale_after(rules: Rules, *, progress_until: float) -> float:
    """Tick every second with progress up to a time; when it was told to end."""
    life = life_in(START, Exec.RUNNING, rules)
    for second in range(1, 100):
        if second <= progress_until:
            life.receive_progress(float(second))
        life.handle_timeout(float(second))
        if life.exec is not Exec.RUNNING:
            assert life.cause is Cause.STALE
            return second
    return math.inf


def test_stale_is_time_since_the_last_progress_or_the_start() -> None:
    assert stale_after(Rules(stale_timeout_seconds=5.0), progress_until=0) == 6.0
    assert stale_after(Rules(stale_timeout_seconds=5.0), progress_until=20) == 26.0
    assert stale_after(Rules(stale_timeout_seconds=0.0), progress_until=0) == math.inf


def test_our_own_lag_makes_nothing_stale() -> None:
    life = life_in(START, Exec.RUNNING, Rules(stale_timeout_seconds=5.0))
    life.handle_timeout(1.0)
    life.handle_timeout(21.0)  # 19 s late: we were stopped
    assert life.exec is Exec.RUNNING
    assert [_state_at(life, float(second)) for second in range(22, 28)] == [
        *[Exec.RUNNING] * 5,
        Exec.FINISHING,
    ]


def _state_at(life: Life, now: float) -> Exec:
    life.handle_timeout(now)
    return life.exec


def test_a_held_process_waits_for_a_user() -> None:
    life = Life(START, RECONNECT, 0.0, is_held=True)
    life.handle_timeout(1e6)
    assert (life.exec, drain(life), life.next_timeout()) == (Exec.FAILED, [], None)
    life.receive_order(START, 1e6)
    life.handle_timeout(1e6)
    assert drain(life) == [Action.START]


class AnySequence(RuleBasedStateMachine):
    """Whatever happens: no second child, no forgotten order, no state out of the blue."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.life = Life(START, Rules(reconnect=True, stale_timeout_seconds=3.0), 0.0)
        self.children = 0
        self.before = self.life.exec

    def settle(self) -> None:
        for action in drain(self.life):
            if action is Action.START:
                self.children += 1
            else:
                assert self.children == 1, action
        assert self.children <= 1
        assert self.life.is_alive == (self.children == 1)

    @rule(seconds=st.floats(0, 30))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.life.handle_timeout(self.now)
        self.settle()

    @rule(event=st.sampled_from(sorted(TABLE_STARTED)))
    def receive(self, event: str) -> None:
        apply(self.life, event, self.now)
        self.settle()

    @precondition(lambda self: self.children == 1)
    @rule(
        code=st.sampled_from([None, 0, 1, 255, -9]),
        is_again=st.booleans(),
        dice=st.floats(0, 1, exclude_max=True),
    )
    def exit(self, code: int | None, is_again: bool, dice: float) -> None:
        self.children = 0
        self.life.receive_exit(code, self.now, dice=dice, is_again=is_again)
        self.settle()

    @invariant()
    def an_order_to_start_is_pursued(self) -> None:
        life = self.life
        if life.order is START:
            assert life.is_alive or life.next_timeout() is not None
        else:
            assert life.exec not in {Exec.STARTING, Exec.RUNNING}
            assert life.is_alive or life.next_timeout() is None

    @invariant()
    def time_to_the_next_start_is_shown_only_if_there_is_one(self) -> None:
        shown = self.life.reconnect_seconds(self.now)
        assert shown == -1 or (not self.life.is_alive and self.life.order is START)


TestAnySequence = AnySequence.TestCase


def test_every_state_can_be_left_and_reached() -> None:
    assert set(NEXT) == set(Exec) == {state for after in NEXT.values() for state in after}
