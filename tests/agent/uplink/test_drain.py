"""Batches out and acknowledgements in, against a scripted far end."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from agent.domain import wire
from agent.domain.errors import BadSetup, UplinkUnavailable
from agent.domain.twin import TwinMessage, encode_twin
from agent.uplink.drain import Uplink, UplinkSettings
from tests.helpers.carrier import Carrier
from tests.helpers.outbox import MemoryOutbox
from tests.helpers.uplinks import START_MS, RealClock, summary, until

DEVICE = "site-01"
QUICK = UplinkSettings(
    DEVICE, max_records=10, ack_timeout_s=0.2, reconnect_first_s=0.01, reconnect_cap_s=0.5, flush_interval_s=3600
)


class FarEnd:
    """An aggregator in a few lines: keeps a position, answers every batch with it, loses what it is told to."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.through = 0
        self.batches: list[wire.Batch] = []
        self.taken: list[int] = []
        self.lose: Callable[[wire.Batch], bool] = lambda batch: False
        self.extra: dict[str, Any] = {}
        carrier.answer = self._hear

    def _hear(self, topic: str, payload: bytes) -> None:
        if topic != wire.topic(DEVICE, wire.UP):
            return
        batch = wire.decode_batch(payload)
        self.batches.append(batch)
        if self.lose(batch):
            return
        if batch.first <= self.through + 1 and batch.last > self.through:
            self.taken += [record.seq for record in batch.records if record.seq > self.through]
            self.through = batch.last
        self.tell(batch.epoch)

    def tell(self, epoch: bytes) -> None:
        ack = wire.Ack(epoch.hex(), self.through, **self.extra)
        self._carrier.deliver(wire.topic(DEVICE, wire.ACK), wire.encode_ack(ack))


@asynccontextmanager
async def running(
    outbox: MemoryOutbox, carrier: Carrier, settings: UplinkSettings = QUICK, **more: Any
) -> AsyncIterator[Uplink]:
    uplink = Uplink(settings, outbox, carrier, RealClock(), dict, random.Random(1), **more)
    task = asyncio.create_task(uplink.run())
    try:
        yield uplink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def fill(outbox: MemoryOutbox, count: int) -> None:
    await outbox.append([(START_MS, summary(n)) for n in range(count)])


async def test_what_waits_is_sent_at_connection_and_the_window_stays_bounded() -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    far = FarEnd(carrier)
    far.lose = lambda batch: True
    await fill(outbox, 100)
    async with running(outbox, carrier, replace(QUICK, ack_timeout_s=60)):
        await until(lambda: len(far.batches) == 4)
        await asyncio.sleep(0.05)
        assert [(batch.first, batch.last) for batch in far.batches] == [(1, 10), (11, 20), (21, 30), (31, 40)]


async def test_everything_is_taken_once_and_in_order() -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    far = FarEnd(carrier)
    await fill(outbox, 95)
    async with running(outbox, carrier) as uplink:
        await asyncio.wait_for(uplink.drained(), 10)
        await fill(outbox, 7)
        await asyncio.wait_for(uplink.drained(), 10)
    assert far.taken == list(range(1, 103))
    assert sum(len(batch.records) for batch in far.batches) == 102


async def test_lost_batches_are_sent_again() -> None:
    outbox, carrier, rng = MemoryOutbox(), Carrier(), random.Random(5)
    far = FarEnd(carrier)
    far.lose = lambda batch: rng.random() < 0.3
    await fill(outbox, 300)
    async with running(outbox, carrier, replace(QUICK, ack_timeout_s=0.05)) as uplink:
        await asyncio.wait_for(uplink.drained(), 20)
        assert uplink.stats.timeouts + uplink.stats.rewinds > 0
    assert far.taken == list(range(1, 301))


async def test_a_position_that_went_back_is_served_without_a_question() -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    far = FarEnd(carrier)
    await fill(outbox, 50)
    async with running(outbox, carrier) as uplink:
        await asyncio.wait_for(uplink.drained(), 10)
        far.through, far.taken = 15, []
        far.tell((await outbox.position()).epoch)
        await until(lambda: far.through == 50)
        assert far.taken == list(range(16, 51))
        assert uplink.stats.rewinds == 1


async def test_holes_of_the_journal_are_covered_by_the_range() -> None:
    outbox, carrier = MemoryOutbox(keep=5), Carrier()
    far = FarEnd(carrier)
    async with running(outbox, carrier) as uplink:
        await fill(outbox, 30)
        await asyncio.wait_for(uplink.drained(), 10)
        far.through, far.taken, far.batches = 0, [], []
        far.tell((await outbox.position()).epoch)
        await until(lambda: far.through == 30)
    assert far.taken == [26, 27, 28, 29, 30]
    assert (far.batches[0].first, far.batches[0].last) == (1, 30)


async def test_a_far_end_that_knows_more_than_the_journal_gets_a_new_epoch() -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    far = FarEnd(carrier)
    await fill(outbox, 5)
    async with running(outbox, carrier) as uplink:
        await asyncio.wait_for(uplink.drained(), 10)
        before = (await outbox.position()).epoch
        far.through = 900
        far.tell(before)
        await until(lambda: outbox._position.epoch != before)
        far.through, far.taken = 0, []
        await asyncio.wait_for(uplink.drained(), 10)
    assert far.taken == [1, 2, 3, 4, 5]


async def test_company_is_waited_for_unless_it_is_urgent_or_a_batch_is_full() -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    far = FarEnd(carrier)
    async with running(outbox, carrier) as uplink:
        await until(lambda: carrier.connected and uplink.stats.connected)
        await fill(outbox, 3)
        uplink.wake()
        await asyncio.sleep(0.05)
        assert far.batches == []
        await fill(outbox, 1)
        uplink.wake(urgent=True)
        await until(lambda: far.through == 4)
        await fill(outbox, 10)
        uplink.wake()
        await until(lambda: far.through == 14)


async def test_the_flush_interval_runs_on_the_given_clock() -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    far = FarEnd(carrier)
    uplink = Uplink(replace(QUICK, flush_interval_s=60), outbox, carrier, RealClock(600), dict, random.Random(1))
    task = asyncio.create_task(uplink.run())
    await until(lambda: uplink.stats.connected)
    await fill(outbox, 1)
    uplink.wake()
    await until(lambda: far.through == 1, 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_slow_down_is_obeyed() -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    far = FarEnd(carrier)
    far.extra = {"slow_s": 0.2}
    await fill(outbox, 100)
    async with running(outbox, carrier, replace(QUICK, ack_timeout_s=5, in_flight=1)):
        await asyncio.sleep(0.5)
    assert 2 <= len(far.batches) <= 4


async def test_a_broken_connection_is_made_again() -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    far = FarEnd(carrier)
    async with running(outbox, carrier) as uplink:
        for _ in range(3):
            await until(lambda: uplink.stats.connected)
            await fill(outbox, 5)
            carrier.cut()
            carrier.down = True
            await until(lambda: not uplink.stats.connected)
            await fill(outbox, 5)
            carrier.down = False
            await asyncio.wait_for(uplink.drained(), 10)
        assert uplink.stats.connections == 4
    assert far.taken == list(range(1, 31))


async def test_a_refused_first_login_ends_it_a_later_one_does_not() -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    carrier.refused = True
    with pytest.raises(BadSetup, match="refuses the login"):
        await Uplink(QUICK, outbox, carrier, RealClock(), dict, random.Random(1)).run()
    carrier.refused = False
    async with running(outbox, carrier) as uplink:
        await until(lambda: uplink.stats.connected)
        carrier.refused = True
        carrier.cut()
        attempts = carrier.attempts
        await until(lambda: carrier.attempts > attempts)
        carrier.refused = False
        await until(lambda: uplink.stats.connected)


async def test_rejected_records_are_counted_and_named(caplog: pytest.LogCaptureFixture) -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    far = FarEnd(carrier)
    far.extra = {"rejected": [wire.Rejected(2, 3, "window_s 0")]}
    await fill(outbox, 5)
    with caplog.at_level(logging.WARNING):
        async with running(outbox, carrier) as uplink:
            await asyncio.wait_for(uplink.drained(), 10)
            assert uplink.stats.rejected == 2
    assert "records 2..3 put aside: window_s 0" in caplog.text


async def test_rubbish_from_the_far_end_is_dropped_and_a_desired_twin_is_handed_on() -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    wishes: list[TwinMessage] = []
    async with running(outbox, carrier, on_desired=wishes.append) as uplink:
        await until(lambda: uplink.stats.connected)
        for topic in (wire.topic(DEVICE, wire.ACK), wire.topic(DEVICE, wire.TWIN_DESIRED), "other/topic"):
            carrier.deliver(topic, b"\xff{]")
        message = TwinMessage(3, doc={"interval_s": 60})
        carrier.deliver(wire.topic(DEVICE, wire.TWIN_DESIRED), encode_twin(message))
        await until(lambda: wishes == [message])
        assert uplink.stats.bad_messages == 3


async def test_the_delay_grows_to_the_cap_and_is_never_the_same_for_all() -> None:
    uplink = Uplink(UplinkSettings(DEVICE), MemoryOutbox(), Carrier(), RealClock(), dict, random.Random(1))
    delays = [uplink._delay(attempt) for attempt in (0, 1, 5, 20, 10_000)]
    assert delays >= [0.5, 1, 16, 150, 150]
    assert all(low <= delay <= 2 * low for low, delay in zip([0.5, 1, 16, 150, 150], delays, strict=True))
    assert len({uplink._delay(30) for _ in range(10)}) == 10


async def test_it_says_that_it_is_online() -> None:
    carrier = Carrier()
    async with running(MemoryOutbox(), carrier) as uplink:
        await until(lambda: uplink.stats.connected)
    topic, payload, retained = carrier.sent[0]
    assert (topic, retained) == (wire.topic(DEVICE, wire.STATUS), True)
    assert wire.decode_status(payload).state == "online"


async def test_nothing_is_sent_until_it_is_ready() -> None:
    outbox, carrier, clock_is_set = MemoryOutbox(), Carrier(), False
    far = FarEnd(carrier)
    await fill(outbox, 20)
    async with running(outbox, carrier, ready=lambda: clock_is_set) as uplink:
        await until(lambda: uplink.stats.connected)
        uplink.wake(urgent=True)
        await asyncio.sleep(0.1)
        assert far.batches == []
        clock_is_set = True
        uplink.wake()
        await until(lambda: far.taken == list(range(1, 21)))


async def test_a_far_end_that_names_a_time_is_not_tried_before() -> None:
    outbox, carrier = MemoryOutbox(), Carrier()
    loop, tries = asyncio.get_running_loop(), list[float]()

    class Crowded(Carrier):
        def connect(self) -> Any:
            tries.append(loop.time())
            if len(tries) == 1:
                raise UplinkUnavailable("aggregator: answers 503", retry_after_s=0.4)
            return carrier.connect()

    uplink = Uplink(QUICK, outbox, Crowded(), RealClock(), dict, random.Random(1))
    task = asyncio.create_task(uplink.run())
    await until(lambda: uplink.stats.connected)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert 0.4 <= tries[1] - tries[0] < 2
