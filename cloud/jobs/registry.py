"""What can be run: a name, a command line with gaps to fill, a schedule. Programs add their own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent.domain.errors import BadSetup
from cloud.jobs.schedule import ByHand, Schedule

_BY_HAND: Final = ByHand()
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_GAP: Final = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Job:
    """`command` is what follows the program's name. `{out}` is the folder for results; what other gaps mean, the
    program says when it fills them. A failed run is tried `retries` times more, after `backoff_s`, then twice as long,
    and so on. A run that takes longer than `timeout_s` is ended. Files that it `carries` on from night to night lie in
    its folder when it begins, as its last good run left them.
    """

    name: str
    purpose: str
    command: tuple[str, ...]
    schedule: Schedule = _BY_HAND
    retries: int = 2
    backoff_s: float = 60.0
    timeout_s: float = 4 * 3600.0
    carries: tuple[str, ...] = ()


class Registry:
    """The jobs by name, in the order in which they were added."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._jobs: dict[str, Job] = {}
        for job in jobs:
            self.add(job)

    def add(self, job: Job) -> None:
        """Raises `BadSetup` for a name that cannot be a folder's, or that is taken."""
        if not _NAME.fullmatch(job.name):
            raise BadSetup(f"job {job.name!r}", "expected a name of small letters, digits and -, at most 40")
        if job.name in self._jobs:
            raise BadSetup(f"job {job.name!r}", "there is another of this name")
        self._jobs[job.name] = job

    def reschedule(self, name: str, schedule: Schedule) -> None:
        """Raises `BadSetup` for a name that is not known."""
        self._jobs[name] = replace(self.known(name), schedule=schedule)

    def known(self, name: str) -> Job:
        """Raises `BadSetup` for a name that is not known."""
        job = self._jobs.get(name)
        if job is None:
            raise BadSetup(f"job {name[:40]!r}", f"no such job; expected one of {', '.join(self._jobs)}")
        return job

    def get(self, name: str) -> Job | None:
        return self._jobs.get(name)

    def jobs(self) -> list[Job]:
        return list(self._jobs.values())


def filled(command: Sequence[str], values: Mapping[str, str | Sequence[str]]) -> list[str]:
    """The command with its gaps filled; a gap that stands alone may become several words, or none.

    >>> filled(["list", "{config}", "--out", "{out}/a"], {"config": ["--config", "c.toml"], "out": "/tmp"})
    ['list', '--config', 'c.toml', '--out', '/tmp/a']
    """
    words: list[str] = []
    for word in command:
        alone = _GAP.fullmatch(word)
        value = values.get(alone[1]) if alone else None
        if value is not None and not isinstance(value, str):
            words += value
        else:
            words.append(_GAP.sub(lambda gap: _text(gap, values, command), word))
    return words


def _text(gap: "re.Match[str]", values: Mapping[str, str | Sequence[str]], command: Sequence[str]) -> str:
    value = values.get(gap[1])
    if not isinstance(value, str):
        raise BadSetup(f"job command {' '.join(command)}", f"{gap[0]} has no value here")
    return value
