"""Clean-up rules: which files go."""

from daemon.restream.cleanup import Cleaner, rules_of, too_many
from daemon.restream.config import ConfigCleanup, ConfigIO, ProcessConfig, ProcessId
from daemon.storage.file import FileInfo
from daemon.storage.memory import MemoryFilesystem
from tests.unit.storage.test_memory import names, put

FILES = [FileInfo(f"/{second}.ts", 1, float(second)) for second in (30, 10, 20, 40)]


def doomed(rule: ConfigCleanup, now: float = 45.0) -> list[str]:
    return [file.path for file in too_many(rule, FILES, now)]


def test_the_oldest_beyond_the_number_go() -> None:
    assert doomed(ConfigCleanup("memfs:/*", max_files=2)) == ["/10.ts", "/20.ts"]
    assert doomed(ConfigCleanup("memfs:/*", max_files=4)) == []


def test_the_too_old_ones_go() -> None:
    assert doomed(ConfigCleanup("memfs:/*", max_file_age_seconds=20)) == ["/10.ts", "/20.ts"]


def test_either_limit_is_enough_and_none_keeps_all() -> None:
    rule = ConfigCleanup("memfs:/*", max_files=3, max_file_age_seconds=20)
    assert doomed(rule) == ["/10.ts", "/20.ts"]
    assert doomed(ConfigCleanup("memfs:/*")) == []


def test_rules_know_the_placeholders() -> None:
    output = ConfigIO("o", "-", cleanup=(ConfigCleanup("memfs:/{processid}_{outputid}*"),))
    config = ProcessConfig(ProcessId("cam"), (ConfigIO("i", "x"),), (output,))
    assert [rule.pattern for rule in rules_of(config)] == ["memfs:/cam_o*"]


async def test_a_purge_takes_what_matches_whatever_its_number() -> None:
    memory = MemoryFilesystem(100)
    for name in ("/cam/1.ts", "/cam.m3u8", "/other.ts"):
        await put(memory, name, b"")
    cleaner = Cleaner({"mem": memory}, lambda: ())
    kept = (ConfigCleanup("memfs:/other*"), ConfigCleanup("nowhere:/**", purge_on_delete=True))
    await cleaner.purge((*kept, ConfigCleanup("mem:/cam**", purge_on_delete=True)))
    assert await names(memory) == ["/other.ts"]
