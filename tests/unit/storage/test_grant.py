"""Grants: only what was issued counts, and only until it is revoked."""

import asyncio

from daemon.log import redact
from daemon.storage.grant import MARKER, Grants, fill, has_marker

URL = f"http://127.0.0.1:8080/memfs/{MARKER}/cam.m3u8"


def test_a_grant_is_taken_out_of_the_path_and_names_its_owner() -> None:
    grants = Grants()
    token = grants.issue("cam")
    assert grants.split(f"/~{token}/a/b.ts") == ("cam", "/a/b.ts")


def test_a_revoked_or_invented_grant_is_just_a_name() -> None:
    grants = Grants()
    token = grants.issue("cam")
    grants.revoke(token)
    grants.revoke(token)
    for first in (f"~{token}", "~" + "x" * 32, "~home", "~"):
        assert grants.split(f"/{first}/a.ts") == (None, f"/{first}/a.ts")


def test_the_marker_reads_but_grants_nothing() -> None:
    assert Grants().split(f"/{MARKER}/a.ts") == (None, "/a.ts")


def test_every_grant_is_another() -> None:
    grants = Grants()
    assert grants.issue("cam") != grants.issue("cam")


def test_only_the_words_for_the_child_hold_the_grant() -> None:
    tee = rf"[f=hls]http\\://127.0.0.1\\:8080/memfs/{MARKER}/x.m3u8|-"
    assert has_marker([URL])
    assert not has_marker(["-f", "null"])
    token = Grants().issue("cam")
    filled = fill([URL, tee, "-y"], token)
    assert f"/memfs/~{token}/cam.m3u8" in filled[0]
    assert f"/memfs/~{token}/x.m3u8" in filled[1]
    assert token not in " ".join(redact(word) for word in filled)


async def test_what_is_being_written_is_waited_for() -> None:
    grants = Grants()
    token, other = grants.issue("cam"), grants.issue("cam")
    async with asyncio.TaskGroup() as group:
        with grants.writing(f"/~{token}/a.ts"):
            with grants.writing(f"/~{token}/b.ts"), grants.writing(f"/~{other}/c.ts"):
                await grants.settle("")  # a run without a grant
                waiting = group.create_task(grants.settle(token))
                await asyncio.sleep(0)
            grants.revoke(token)  # what has begun goes on
            await asyncio.sleep(0)
            assert not waiting.done()
    await grants.settle(token)
