"""The reported twin stays in step."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agent.domain.twin import Twin, decode_twin
from agent.uplink.twin_sync import TwinSync
from tests.helpers.carrier import Carrier
from tests.helpers.uplinks import RealClock, until


class Reporter:
    """A document that a test changes, and the copy that the far end has of it."""

    def __init__(self, interval_s: float = 3600.0) -> None:
        self.document: dict[str, Any] = {
            "last": {"at_ms": 1},
            "faults": {},
            "sources": {"inverter": {"reachable": True}},
        }
        self.carrier = Carrier()
        self.sync = TwinSync("site-01", lambda: {**self.document}, RealClock(), interval_s)

    @property
    def copy(self) -> Twin:
        twin = Twin()
        for _, payload, _ in self.carrier.sent:
            twin = twin.apply(decode_twin(payload))
        return twin

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.carrier.connect() as session:
            task = asyncio.create_task(self.sync.run(session))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


async def test_the_whole_document_at_every_connection() -> None:
    reporter = Reporter()
    for count in (1, 2):
        async with reporter.running():
            await until(lambda expected=count: len(reporter.carrier.sent) == expected)  # type: ignore[misc]
            assert decode_twin(reporter.carrier.sent[-1][1]).doc == reporter.document
            assert reporter.carrier.sent[-1][0] == "ew/1/site-01/twin/reported"
    versions = [decode_twin(payload).version for _, payload, _ in reporter.carrier.sent]
    assert versions[1] == versions[0] + 1


async def test_small_changes_wait_and_then_travel_as_one_patch() -> None:
    reporter = Reporter(interval_s=0.3)
    async with reporter.running():
        await until(lambda: len(reporter.carrier.sent) == 1)
        for at_ms in range(2, 12):
            reporter.document["last"] = {"at_ms": at_ms}
            reporter.sync.wake()
            await asyncio.sleep(0)
        assert len(reporter.carrier.sent) == 1
        await until(lambda: len(reporter.carrier.sent) == 2)
    assert decode_twin(reporter.carrier.sent[1][1]).patch == {"last": {"at_ms": 11}}
    assert reporter.copy.doc == reporter.document


async def test_a_fault_and_a_lost_source_are_told_at_once() -> None:
    reporter = Reporter()
    async with reporter.running():
        await until(lambda: len(reporter.carrier.sent) == 1)
        reporter.document["faults"] = {"f1": {"code": "no_heat"}}
        reporter.sync.wake()
        await until(lambda: len(reporter.carrier.sent) == 2, 2)
        reporter.document["sources"] = {"inverter": {"reachable": False}}
        reporter.sync.wake()
        await until(lambda: len(reporter.carrier.sent) == 3, 2)
    assert reporter.copy.doc == reporter.document


async def test_the_whole_document_again_when_it_is_asked_for() -> None:
    reporter = Reporter()
    async with reporter.running():
        await until(lambda: len(reporter.carrier.sent) == 1)
        reporter.sync.wake(whole=True)
        await until(lambda: len(reporter.carrier.sent) == 2, 2)
    assert decode_twin(reporter.carrier.sent[1][1]).doc == reporter.document


async def test_nothing_new_sends_nothing() -> None:
    reporter = Reporter(interval_s=0.02)
    async with reporter.running():
        await asyncio.sleep(0.2)
    assert len(reporter.carrier.sent) == 1
