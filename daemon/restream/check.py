"""Checks: what a config must pass before it is stored, and again before each start (F1, F6)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from daemon.errors import InvalidError
from daemon.restream import config as configs
from daemon.restream import placeholders as words
from daemon.restream import policy as policies
from daemon.restream import reference
from daemon.restream.config import ProcessConfig
from daemon.restream.full import writes_below
from daemon.restream.host import Hosts
from daemon.restream.policy import Policy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes a config. ``may_raw``: the level raw, if configured, is for them (F2)."""

    name: str = ""
    may_raw: bool = True


DAEMON = Author()


class Checks:
    """Holds configs against ``policy``; ``find`` gives the processes that references name."""

    def __init__(
        self,
        find: reference.Find,
        placeholders: Mapping[str, str],
        policy: Policy | None = None,
        hosts: Hosts | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self._placeholders = placeholders
        self._find_stored = find
        self._hosts = hosts or Hosts()

    def resolve(self, config: ProcessConfig) -> ProcessConfig:
        """Replace placeholders and references, then check. Raises InvalidError."""
        return policies.apply(self._fill(config), self.policy)

    async def check(
        self, config: ProcessConfig, author: Author, before: ProcessConfig | None = None
    ) -> None:
        """Check what is to be stored in the place of ``before``. Raises InvalidError.

        A name that can't be looked up passes: each start looks again.
        """
        resolved = self.resolve(config)
        if not self.policy.is_safe and not _is_same(config, before):
            self._check_author(config, author)
        await self._hosts.check(resolved, self.policy.networks)

    async def admit(self, resolved: ProcessConfig) -> None:
        """Look up its hosts just before its start. Raises InvalidError, LookUpError."""
        await self._hosts.check(resolved, self.policy.networks, is_strict=True)

    def writes_to_disk(self, config: ProcessConfig) -> bool:
        """Whether it writes files; one that can't be resolved doesn't run."""
        root = self.policy.disk_dir
        try:
            return root is not None and writes_below(self.resolve(config), root)
        except InvalidError:
            return False

    def _check_author(self, config: ProcessConfig, author: Author) -> None:
        """Allow the level raw to whom it is for, and note what they used it for."""
        try:
            policies.apply(self._fill(config), replace(self.policy, is_safe=True))
        except InvalidError as problem:
            if not author.may_raw:
                raise
            log.warning(
                "audit: %s writes process %s at the level raw: %s",
                author.name or "nobody",
                config.id,
                "; ".join(problem.details),
            )

    def _fill(self, config: ProcessConfig) -> ProcessConfig:
        configs.validate(config)
        return reference.resolve(words.resolve(config, self._placeholders), self._find)

    def _find(self, process_id: configs.ProcessId) -> ProcessConfig | None:
        found = self._find_stored(process_id)
        return words.resolve(found, self._placeholders) if found else None


def _is_same(config: ProcessConfig, before: ProcessConfig | None) -> bool:
    """Whether FFmpeg would be told the same."""
    return before is not None and configs.words(config) == configs.words(before)
