"""The running agent's part of identity: notice that renewal is due, have it done by a program of its own, say so.

That program loads what the agent itself must not keep in memory, and is gone again after a second.
"""

import asyncio
import logging
import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.domain.errors import BadSetup
from agent.identity.files import About, IdentityFiles
from agent.ports import Clock

log: Final = logging.getLogger(__name__)

_LOOK_AGAIN_S: Final = 24 * 3600.0
_TRY_AGAIN_S: Final = 3600.0
_EXPIRED_AGAIN_S: Final = 600.0
_CHILD_S: Final = 120.0
# A clock that has never been set shows 1970 or the date of the image. Renewing too early does no harm, so the only
# question is whether the clock is believable at all.
_CLOCK_FROM_MS: Final = 1_262_304_000_000

Renew = Callable[[], Awaitable[str]]


class IdentityKeeper:
    """`run` is a task of the agent, `health` a part of its twin. `renew` gives "" or why it did not work."""

    def __init__(self, state: Path, clock: Clock, renew: Renew, rng: random.Random) -> None:
        self._files = IdentityFiles(state)
        self._clock = clock
        self._renew = renew
        self._rng = rng
        self._about: About | None = None
        self._problem = ""

    async def run(self) -> None:
        """At the start and once a day; more often while renewal is due and does not work. Never ends."""
        while True:
            await self._clock.sleep(await self.look())

    async def look(self) -> float:
        """Renew if it is due; how many seconds until the next look."""
        now_ms = self._clock.now_ms()
        self._problem = ""
        self._about = self._read()
        if self._about is None or now_ms < max(self._about.renew_ms, _CLOCK_FROM_MS):
            return _LOOK_AGAIN_S
        self._problem = await self._renew()
        if self._problem:
            log.warning("identity: %s", self._problem)
            again_s = _EXPIRED_AGAIN_S if now_ms > self._about.not_after_ms else _TRY_AGAIN_S
            return again_s * self._rng.uniform(0.5, 1.5)
        self._about = self._read()
        if self._about is not None:
            until = datetime.fromtimestamp(self._about.not_after_ms / 1000, UTC)
            log.info("identity: a new certificate, good until %s", until.date())
        return _LOOK_AGAIN_S

    def health(self) -> dict[str, Any]:
        """For the twin: when the certificate expires, and why it could not be renewed."""
        told: dict[str, Any] = {}
        if self._about is not None:
            told["certificate_expires_ms"] = self._about.not_after_ms
        if self._problem:
            told["certificate_problem"] = self._problem
        return told

    def _read(self) -> About | None:
        try:
            about = self._files.about()
        except BadSetup as error:
            self._problem = str(error)
            log.warning("identity: %s", error)
            return None
        return about


async def in_a_child(command: Sequence[str]) -> str:
    """Run a program; "" when it ended well, else the last line it said."""
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        return f"{command[0]} cannot be run: {error.strerror}"
    try:
        _, said = await asyncio.wait_for(child.communicate(), _CHILD_S)
    except TimeoutError:
        return f"renewal did not end within {_CHILD_S:g} s"
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode == 0:
        return ""
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"renewal ended with status {child.returncode}"


def keeper_for(site_file: Path, state: Path, clock: Clock) -> IdentityKeeper:
    """The keeper of one site's agent."""
    command = (sys.executable, "-m", "agent", "claim", str(site_file), "--renew")
    return IdentityKeeper(state, clock, lambda: in_a_child(command), random.Random())
