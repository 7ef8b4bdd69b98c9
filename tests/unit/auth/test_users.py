"""Users: who may log in, as what, and what ends their tokens (A1, A5)."""

import pytest
from argon2 import PasswordHasher

from daemon.auth import ALL_SCOPES, Role, User, Users, hash_password
from daemon.auth.password import needs_rehash
from daemon.errors import AuthError, ConflictError, InvalidError, NotFoundError
from tests.fakes.accounts import MemoryAccounts, make_auth
from tests.unit.auth.test_auth import HASH, HERE, Memory

OLD = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("old but right")


async def users_of(accounts: MemoryAccounts, ended: list[str] | None = None) -> Users:
    users = Users(accounts, on_ended=(ended if ended is not None else []).append)
    await users.load()
    return users


async def test_users_are_kept_over_a_restart() -> None:
    accounts = MemoryAccounts()
    await (await users_of(accounts)).add("ann", "correct horse", Role.OPERATOR)
    again = await users_of(accounts)
    ann = again.get("ann")
    assert ann is not None
    assert ann.role is Role.OPERATOR
    assert "correct horse" not in str(accounts.kept)


async def test_roles_are_inside_each_other() -> None:
    scopes = [
        User("x", role, "", "").scopes for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN)
    ]
    assert scopes[0] < scopes[1] < scopes[2] == ALL_SCOPES
    assert scopes[0] == {"process:read", "whep:view"}
    assert scopes[2] - scopes[1] == {"config:write", "user:write"}


async def test_a_login_has_the_scopes_of_its_role_and_loses_them_with_it() -> None:
    auth = make_auth(HASH, Memory())
    await auth.users.add("ann", "correct horse", Role.OPERATOR)
    tokens = await auth.login("ann", "correct horse", HERE)
    assert auth.verify(tokens.access).scopes == ALL_SCOPES - {"config:write", "user:write"}
    await auth.users.change("ann", role=Role.VIEWER)
    with pytest.raises(AuthError):
        auth.verify(tokens.access)
    tokens = await auth.login("ann", "correct horse", HERE)
    assert auth.verify(tokens.access).scopes == {"process:read", "whep:view"}
    await auth.users.remove("ann")
    for call in (auth.refresh(tokens.refresh), auth.login("ann", "correct horse", HERE)):
        with pytest.raises(AuthError):
            await call


async def test_a_new_password_ends_the_tokens_and_is_heard_of() -> None:
    accounts, ended = MemoryAccounts(), list[str]()
    users = await users_of(accounts, ended)
    await users.add("ann", "correct horse", Role.ADMIN)
    before = users.get("ann")
    await users.change("ann", password="battery staple")
    after = users.get("ann")
    assert before is not None
    assert after is not None
    assert before.epoch != after.epoch
    assert ended == ["ann"]


async def test_an_old_hash_is_renewed_at_a_login_and_the_tokens_go_on() -> None:
    accounts = MemoryAccounts()
    auth = make_auth(HASH, Memory(), accounts=accounts)
    await auth.users.keep(User("ann", Role.VIEWER, OLD, "e"))
    first = await auth.login("ann", "old but right", HERE)
    renewed = accounts.kept["ann"].password_hash
    assert needs_rehash(OLD)
    assert not needs_rehash(renewed)
    auth.verify(first.access)
    await auth.login("ann", "old but right", HERE)
    assert accounts.kept["ann"].password_hash == renewed


async def test_the_configurations_user_is_changed_in_the_configuration_only() -> None:
    users = await users_of(MemoryAccounts())
    users.configure(User("admin", Role.ADMIN, HASH, "e", is_configured=True))
    for call in (users.change("admin", password="battery staple"), users.remove("admin")):
        with pytest.raises(ConflictError) as refused:
            await call
        assert refused.value.reason == "configured-user"
    with pytest.raises(ConflictError):
        await users.add("admin", "battery staple", Role.VIEWER)


async def test_somebody_stays_to_administer() -> None:
    users = await users_of(MemoryAccounts())
    await users.add("ann", "correct horse", Role.ADMIN)
    for call in (users.remove("ann"), users.change("ann", role=Role.VIEWER)):
        with pytest.raises(ConflictError) as refused:
            await call
        assert refused.value.reason == "last-admin"
    await users.add("ben", "correct horse", Role.ADMIN)
    await users.remove("ann")
    assert [user.name for user in users.all()] == ["ben"]


@pytest.mark.parametrize("name", ["", " ann", "a\nb", "x" * 129, "viewer:1"])
async def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidError):
        await (await users_of(MemoryAccounts())).add(name, "correct horse", Role.VIEWER)


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
async def test_a_password_that_is_none_is_refused_without_being_shown(password: str) -> None:
    users = await users_of(MemoryAccounts())
    with pytest.raises(InvalidError) as refused:
        await users.add("ann", password, Role.VIEWER)
    assert not password or password not in refused.value.message


async def test_nobody_can_be_changed_who_is_not_there() -> None:
    users = await users_of(MemoryAccounts())
    for call in (users.remove("nobody"), users.change("nobody", role=Role.ADMIN)):
        with pytest.raises(NotFoundError):
            await call


def test_hashes_are_of_today() -> None:
    assert not needs_rehash(hash_password("right"))
