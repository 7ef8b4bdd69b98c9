"""Signing keys: rotation, and how long the old one counts (A3, A6)."""

import pytest

from daemon.auth import Keyring
from daemon.errors import AuthError, ConflictError
from tests.fakes.accounts import MemoryAccounts, make_auth
from tests.unit.auth.test_auth import HASH, HERE, Clock, Memory

FIRST = bytes(32)


async def ring_of(accounts: MemoryAccounts, clock: Clock) -> Keyring:
    ring = Keyring(accounts, now=clock)
    await ring.load(FIRST)
    return ring


async def test_the_key_of_the_first_start_is_kept_and_is_not_the_secret_itself() -> None:
    accounts, clock = MemoryAccounts(), Clock()
    ring = await ring_of(accounts, clock)
    assert ring.signing.key != FIRST
    assert (await ring_of(accounts, clock)).signing == ring.signing
    assert ring.verifying(ring.signing.kid) == ring.signing.key


async def test_after_a_rotation_the_old_key_verifies_until_its_time_is_over() -> None:
    accounts, clock = MemoryAccounts(), Clock()
    ring = await ring_of(accounts, clock)
    old = ring.signing
    clock.time += 1
    new = await ring.rotate(int(clock.time) + 60)
    for one in (ring, await ring_of(accounts, clock)):
        assert one.signing == new
        assert one.verifying(old.kid) == old.key
    clock.time += 60
    assert ring.verifying(old.kid) is None
    assert ring.verifying(new.kid) == new.key
    clock.time += 1
    await ring.rotate(int(clock.time) + 60)
    assert len(accounts.ring) == 2


async def test_a_rotation_at_once_ends_all_tokens() -> None:
    clock = Clock()
    auth = make_auth(HASH, Memory(), now=clock, monotonic=clock)
    auth.keys.configure("")
    await auth.keys.load(FIRST)
    tokens = await auth.login("admin", "right", HERE)
    viewer, _ = auth.issue_viewer("cam", ttl_seconds=7 * 86_400)
    clock.time += 1
    await auth.rotate(at_once=False, last_end=int(clock.time) + 7 * 86_400)
    auth.verify(tokens.access)
    clock.time += 6 * 86_400
    auth.verify(viewer, "view")
    await auth.rotate(at_once=True, last_end=0)
    with pytest.raises(AuthError):
        auth.verify(viewer, "view")
    auth.verify((await auth.login("admin", "right", HERE)).access)


async def test_a_configured_key_is_the_only_one_and_is_changed_there() -> None:
    ring = await ring_of(MemoryAccounts(), Clock())
    stored = ring.signing
    assert ring.configure("a secret of the configuration")
    assert not ring.configure("a secret of the configuration")
    assert ring.verifying(stored.kid) is None
    with pytest.raises(ConflictError):
        await ring.rotate(0)
    assert ring.configure("")
    assert ring.signing == stored


@pytest.mark.parametrize("kid", [None, "", "x", 5, ["x"], {}, "../../etc/passwd"])
async def test_an_id_that_is_none_finds_no_key(kid: object) -> None:
    assert (await ring_of(MemoryAccounts(), Clock())).verifying(kid) is None
