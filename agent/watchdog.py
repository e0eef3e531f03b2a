"""systemd's notifications over its socket, and a watchdog that is fed by real progress, not by a living loop.

The protocol is that of sd_notify(3): datagrams of `NAME=value` lines to the Unix socket that `$NOTIFY_SOCKET` names.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

_log: Final = logging.getLogger("emberwatt.watchdog")
_LOOK_EVERY_S: Final = 20.0


class Notifier:
    """Tells the service manager. Without one, or when it does not listen, nothing happens."""

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_s = watchdog_s

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Notifier":
        """As systemd sets it up; the watchdog of another process is not ours."""
        usec, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
        ours = usec.isdecimal() and int(usec) > 0 and pid in ("", str(os.getpid()))
        return cls(environment.get("NOTIFY_SOCKET", ""), int(usec) / 1e6 if ours else None)

    def say(self, **fields: str | int) -> None:
        """`say(READY=1, STATUS="2 of 2 devices answer")`."""
        if not self._address:
            return
        text = "\n".join(f"{name}={value}".replace("\n", " ") for name, value in fields.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
                out.sendto(text.encode(), self._address)
        except OSError as error:
            _log.debug("the service manager does not listen: %s", error)


class Deadlines(msgspec.Struct, frozen=True):
    """Real seconds within which a reading, and a commit, must be completed; and that one commit may take."""

    reading_s: float | None
    commit_s: float | None
    committing_s: float = 120.0


class Work(msgspec.Struct, frozen=True):
    """What has been completed so far: readings taken in, commits tried. `committing`: one is under way."""

    readings: int
    commits: int
    committing: bool


class Progress:
    """Compares what has been completed with what was at the last look. `now` is any clock that does not step."""

    def __init__(self, now: float, work: Work) -> None:
        self._work = work
        self._reading_at = self._commit_at = self._idle_at = now

    def late(self, now: float, work: Work, deadlines: Deadlines) -> str:
        """What is overdue, or nothing.

        >>> progress = Progress(0.0, Work(0, 0, False))
        >>> progress.late(50.0, Work(1, 0, False), Deadlines(60.0, None))
        ''
        >>> progress.late(120.0, Work(1, 0, False), Deadlines(60.0, None))
        'no reading for 70 s, expected one within 60 s'
        """
        if work.readings != self._work.readings:
            self._reading_at = now
        if work.commits != self._work.commits:
            self._commit_at = self._idle_at = now
        if not work.committing:
            self._idle_at = now
        self._work = work
        return (
            _overdue("no reading", now - self._reading_at, deadlines.reading_s)
            or _overdue("a commit has been under way", now - self._idle_at, deadlines.committing_s)
            or _overdue("no commit", now - self._commit_at, deadlines.commit_s)
        )


def _overdue(what: str, since_s: float, within_s: float | None) -> str:
    if within_s is None or since_s <= within_s:
        return ""
    return f"{what} for {since_s:.0f} s, expected one within {within_s:g} s"


async def watch(
    notifier: Notifier,
    work: Callable[[], Work],
    deadlines: Callable[[], Deadlines],
    status: Callable[[], str],
    stuck: Callable[[str], None],
) -> None:
    """Feed the service manager's watchdog while there is progress, for ever.

    `stuck` hears what is overdue, and nothing ("") once it no longer is. Where it is not fed, the service manager kills
    and restarts the program.
    """
    loop = asyncio.get_running_loop()
    every_s = _LOOK_EVERY_S if notifier.watchdog_s is None else min(_LOOK_EVERY_S, notifier.watchdog_s / 3)
    progress, said = Progress(loop.time(), work()), ""
    while True:
        late = progress.late(loop.time(), work(), deadlines())
        if not late:
            notifier.say(WATCHDOG=1)
            if said:
                stuck("")
        elif late.partition(" for ")[0] != said.partition(" for ")[0]:
            _log.error("%s", late)
            stuck(late)
        said, text = late, late or status()
        notifier.say(STATUS=text)
        await asyncio.sleep(every_s)
