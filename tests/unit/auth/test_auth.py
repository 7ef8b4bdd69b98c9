"""Log in, refresh, verify: who gets in, and what ends it."""

import asyncio
import uuid
from typing import Any

import jwt
import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from daemon.auth import ALL_SCOPES, Auth, Claims, hash_password, password_hash
from daemon.auth.password import _DUMMY
from daemon.errors import AuthError, LimitError
from tests.fakes.accounts import SECRET, make_auth

NOW = 1_800_000_000.0
KEY = bytes(range(32))
HASH = hash_password("right", b"salt" * 4)
HERE = "192.0.2.1"


class Memory:
    """A RevocationStore that forgets everything at the end of the test."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], float] = {}

    async def add(self, kind: str, token_id: str, expires_at: float) -> None:
        self.rows[kind, token_id] = expires_at

    def contains(self, kind: str, token_id: str) -> bool:
        return (kind, token_id) in self.rows


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time


def make(clock: Clock | None = None, store: Memory | None = None, **changes: Any) -> Auth:
    clock = clock or Clock()
    password_hash = changes.pop("password_hash", HASH)
    return make_auth(password_hash, store or Memory(), now=clock, monotonic=clock, **changes)


def payload_of(token: str) -> dict[str, Any]:
    payload: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return payload


async def test_a_login_gives_tokens_with_the_claims_of_datarhei() -> None:
    auth = make()
    tokens = await auth.login("admin", "right", HERE)
    access, refresh = payload_of(tokens.access), payload_of(tokens.refresh)
    header = jwt.get_unverified_header(tokens.access)
    assert header == {"alg": "HS256", "typ": "JWT", "kid": auth.keys.signing.kid}
    assert (access["iss"], access["sub"], access["usefor"]) == (
        "datarhei-core",
        "admin",
        "access",
    )
    assert (access["exi"], access["exp"]) == (600, int(NOW) + 600)
    assert (refresh["exi"], refresh["exp"]) == (86_400, int(NOW) + 86_400)
    assert uuid.UUID(access["jti"]) != uuid.UUID(refresh["jti"])
    claims = auth.verify(tokens.access)
    assert (claims.subject, claims.scopes, claims.process_id) == ("admin", ALL_SCOPES, None)


@pytest.mark.parametrize(
    ("username", "password"),
    [("admin", "wrong"), ("admin", ""), ("nobody", "right"), ("", ""), ("\ud800", "\ud800")],
)
async def test_a_wrong_name_or_password_is_refused_in_the_same_words(
    username: str, password: str
) -> None:
    with pytest.raises(AuthError, match=r"^Invalid username or password$"):
        await make().login(username, password, HERE)


async def test_a_thousand_guesses_at_once_are_five_guesses() -> None:
    auth = make()
    waits: list[int] = []
    failures: list[str] = []

    async def guess() -> None:
        try:
            await auth.login("admin", "wrong", HERE)
        except LimitError as limited:
            waits.append(limited.retry_after)
        except AuthError as wrong:
            failures.append(wrong.message)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(1000):
            tasks.create_task(guess())
    assert (len(failures), waits) == (5, [10] * 995)


async def test_the_limit_holds_for_the_right_password_too_until_the_wait_is_over() -> None:
    clock = Clock()
    auth = make(clock)
    for _ in range(5):
        with pytest.raises(AuthError):
            await auth.login("admin", "wrong", HERE)
    with pytest.raises(LimitError) as caught:
        await auth.login("admin", "right", HERE)
    assert caught.value.retry_after == 10
    await auth.login("admin", "right", "192.0.2.2")
    clock.time += 10
    await auth.login("admin", "right", HERE)


async def test_access_ends_after_ten_minutes_and_half_a_minute_of_leeway() -> None:
    clock = Clock()
    auth = make(clock)
    token = (await auth.login("admin", "right", HERE)).access
    clock.time = NOW + 629
    auth.verify(token)
    clock.time = NOW + 630
    with pytest.raises(AuthError):
        auth.verify(token)


async def test_a_token_from_the_future_is_refused() -> None:
    clock = Clock()
    auth = make(clock)
    token = (await auth.login("admin", "right", HERE)).access
    clock.time = NOW - 31
    with pytest.raises(AuthError):
        auth.verify(token)


async def test_each_token_is_for_its_use_only() -> None:
    auth = make()
    tokens = await auth.login("admin", "right", HERE)
    with pytest.raises(AuthError):
        auth.verify(tokens.refresh)
    with pytest.raises(AuthError):
        await auth.refresh(tokens.access)


async def test_an_old_client_may_refresh_with_one_token_all_day() -> None:
    auth = make()
    first = (await auth.login("admin", "right", HERE)).refresh
    for _ in range(5):
        auth.verify((await auth.refresh(first)).access)


async def test_a_new_client_rotates() -> None:
    auth = make()
    tokens = await auth.login("admin", "right", HERE)
    seen = {tokens.refresh}
    for _ in range(5):
        tokens = await auth.refresh(tokens.refresh)
        auth.verify(tokens.access)
        seen.add(tokens.refresh)
    assert len(seen) == 6


async def test_an_old_token_after_its_successor_ends_the_whole_login() -> None:
    store = Memory()
    auth = make(store=store)
    first = await auth.login("admin", "right", HERE)
    second = await auth.refresh(first.refresh)
    third = await auth.refresh(second.refresh)
    with pytest.raises(AuthError) as caught:
        await auth.refresh(first.refresh)
    assert caught.value.reason == "refresh-token-reused"
    for tokens in (first, second, third):
        with pytest.raises(AuthError):
            auth.verify(tokens.access)
        with pytest.raises(AuthError):
            await auth.refresh(tokens.refresh)
    assert all(expires_at >= NOW + 86_400 for expires_at in store.rows.values())
    auth.verify((await auth.login("admin", "right", HERE)).access)  # another login goes on


async def test_two_successors_of_one_token_can_not_both_be_used() -> None:
    auth = make()
    first = await auth.login("admin", "right", HERE)
    ours, theirs = await auth.refresh(first.refresh), await auth.refresh(first.refresh)
    await auth.refresh(ours.refresh)
    with pytest.raises(AuthError):
        await auth.refresh(theirs.refresh)
    with pytest.raises(AuthError):
        auth.verify(ours.access)


async def test_a_lost_answer_ends_nothing() -> None:
    auth = make()
    first = await auth.login("admin", "right", HERE)
    await auth.refresh(first.refresh)  # the answer never arrives
    again = await auth.refresh(first.refresh)
    last = await auth.refresh(again.refresh)
    await auth.refresh(again.refresh)
    auth.verify(last.access)


async def test_reuse_is_remembered_over_a_restart() -> None:
    store = Memory()
    first = await make(store=store).login("admin", "right", HERE)
    second = await make(store=store).refresh(first.refresh)
    await make(store=store).refresh(second.refresh)
    with pytest.raises(AuthError):
        await make(store=store).refresh(first.refresh)


@pytest.mark.parametrize(
    "change", [{"username": "root"}, {"epoch": "e2"}, {"secret": SECRET[::-1]}]
)
async def test_changed_credentials_end_all_tokens(change: dict[str, Any]) -> None:
    store = Memory()
    tokens = await make(store=store).login("admin", "right", HERE)
    make(store=store).verify(tokens.access)  # a restart doesn't
    changed = make(store=store, **change)
    with pytest.raises(AuthError):
        changed.verify(tokens.access)
    with pytest.raises(AuthError):
        await changed.refresh(tokens.refresh)


async def test_viewers_tokens_go_on_when_a_password_changes() -> None:
    token, _ = make().issue_viewer("cam", ttl_seconds=60)
    make(epoch="e2").verify(token, "view")


async def test_the_hash_of_a_configured_password_survives_a_restart() -> None:
    first = await password_hash("pass", username="admin", secret=KEY)
    assert first == await password_hash("pass", username="admin", secret=KEY)
    assert first != await password_hash("pass", username="admin", secret=bytes(32))
    assert await password_hash(first, username="x", secret=KEY) == first
    await make(password_hash=first).login("admin", "pass", HERE)


def test_an_unknown_user_costs_a_real_check() -> None:
    assert extract_parameters(_DUMMY) == extract_parameters(HASH)
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(_DUMMY, "right")


def test_passwords_cost_what_was_decided() -> None:
    assert HASH.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hash_password("right") != hash_password("right")


async def test_a_viewer_token_is_for_one_process_and_nothing_else() -> None:
    auth = make()
    token, issued = auth.issue_viewer("cam", ttl_seconds=300, max_viewers=3)
    with pytest.raises(AuthError):
        auth.verify(token)  # not for access
    with pytest.raises(AuthError):
        await auth.refresh(token)
    claims = auth.verify(token, "view")
    assert claims == issued
    assert claims.max_viewers == 3
    assert claims.allows("whep:view", "cam")
    assert not claims.allows("whep:view", "other")
    assert not claims.allows("whep:view", None)
    assert not claims.allows("process:read", "cam")
    assert claims.expires_at == int(NOW) + 300


def test_a_token_without_a_process_is_for_all() -> None:
    claims = Claims("admin", frozenset({"process:read"}), None, "id", 0)
    assert claims.allows("process:read", "cam")
    assert claims.allows("process:read", None)
    assert not claims.allows("process:write", "cam")


async def test_a_revoked_token_and_its_login_end() -> None:
    auth = make()
    tokens = await auth.login("admin", "right", HERE)
    viewer, claims = auth.issue_viewer("cam", ttl_seconds=300)
    other, _ = auth.issue_viewer("cam", ttl_seconds=300)
    await auth.revoke(auth.verify(tokens.access))
    await auth.revoke_token(claims.token_id, claims.expires_at)
    for token in (tokens.access, viewer):
        with pytest.raises(AuthError):
            auth.verify(token, "access", "view")
    auth.verify(other, "view")
    with pytest.raises(AuthError):
        await auth.refresh(tokens.refresh)


async def test_a_viewer_token_ends_to_the_second_and_an_access_token_has_leeway() -> None:
    clock = Clock()
    auth = make(clock)
    tokens = await auth.login("admin", "right", HERE)
    viewer, _ = auth.issue_viewer("cam", ttl_seconds=600)
    clock.time += 600
    auth.verify(tokens.access)
    with pytest.raises(AuthError):
        auth.verify(viewer, "view")
