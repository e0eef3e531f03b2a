"""The agent from its start to its end: opened, run until it is told to stop, left in order."""

import asyncio
import ctypes
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from agent.app import Agent
from agent.config import AgentSettings, make_folder
from agent.model_wishes import ModelWishes
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from agent.pipeline import Pipeline
from agent.site_file import SiteFile
from agent.steering.steward import Steward
from agent.steering.vault import Vault
from agent.watchdog import Notifier

log = logging.getLogger("emberwatt.agent")

JOURNAL: Final = "journal.db"
_ARENA_MAX: Final = -8  # M_ARENA_MAX of mallopt(3)


@asynccontextmanager
async def open_agent(settings: AgentSettings) -> AsyncIterator[Agent]:
    """An agent whose journal is open; left orderly, what it holds in memory is made durable."""
    make_folder(settings.state, "make it and let the agent's user write to it, or name another one in device.state")
    journal = OutboxSettings(settings.state / JOURNAL, round(settings.journal.budget_mib * 1024 * 1024))
    async with AsyncExitStack() as stack:
        outbox = await stack.enter_async_context(SqliteOutbox(journal, settings.clock))
        models = ModelWishes(settings.diagnosis.detectors)
        site, steward = SiteFile(settings, models), Steward(settings.steering, Vault(settings.state), settings.clock)
        site.check({})  # what is wrong in the site file itself is said before anything the fleet wishes
        doc = steward.begin(site.check)
        diagnosis = site.with_wishes(doc).diagnosis
        pipeline = await Pipeline.resume(diagnosis, outbox, at_risk_s=settings.journal.at_risk_s)
        agent, why = Agent(site, doc, steward, outbox, pipeline), "stopped"
        models.diagnosis = lambda: pipeline.diagnosis
        try:
            async with agent.supervisor:
                yield agent
            steward.stopped_in_order()
            why = f"restarted by {agent.begin_again}" if agent.begin_again else why
        except Exception as error:
            why = f"failed: {error}"
            raise
        finally:
            await agent.close(why)


def _one_heap() -> None:
    """The few threads share one heap: glibc would give each its own and keep what is freed there."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_ARENA_MAX, 1)


async def run(settings: AgentSettings, history: Path | None, *, until_drained: bool) -> bool:
    """Run until told to stop by SIGTERM or SIGINT, or, with `until_drained`, until everything is acknowledged.

    True when it was asked to begin again. Raises what only a person can put right.
    """
    _one_heap()
    loop, notifier = asyncio.get_running_loop(), Notifier.from_environment(os.environ)
    async with open_agent(settings) as agent:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, agent.ended.set)
        logging.getLogger().addHandler(agent.tail)
        await agent.start()
        agent.begin(notifier, polling=not until_drained)
        notifier.say(READY=1)
        waits = [_prologue(agent, history, until_drained), agent.supervisor.until_failed(), agent.ended.wait()]
        await _first_raised_or_last(agent.ended, [asyncio.ensure_future(wait) for wait in waits])
        # To the service manager the same process that begins again reloads; one that said STOPPING would be killed.
        notifier.say(
            **({"RELOADING": 1, "MONOTONIC_USEC": _monotonic_usec()} if agent.begin_again else {"STOPPING": 1})
        )
    logging.getLogger().removeHandler(agent.tail)
    return bool(agent.begin_again)


def _monotonic_usec() -> int:
    """What systemd wants to see beside RELOADING=1, to tell the READY=1 after it from an earlier one."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


async def _prologue(agent: Agent, history: Path | None, until_drained: bool) -> None:
    if history is not None:
        rows = await agent.feed(history)
        log.info("%s: %d rows of history judged", history, rows)
    if not until_drained:
        agent.supervisor.start("diagnose", agent.judge)
        return
    if agent.uplink is not None:
        await agent.uplink.drained()
    agent.ended.set()


async def _first_raised_or_last(ended: asyncio.Event, tasks: Sequence["asyncio.Future[Any]"]) -> None:
    """Until `ended` or one of them raises; the others are cancelled."""
    try:
        while not ended.is_set():
            done, _ = await asyncio.wait(
                [task for task in tasks if not task.done()], return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
