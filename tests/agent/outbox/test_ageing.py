"""A full journal gives up resolution, never history."""

from itertools import pairwise
from pathlib import Path

import msgspec

from agent.domain.wire import Body, Energy, Event, Fault, Record, Reliability, Summary, Unknown, decode_body
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from tests.helpers.uplinks import START_MS, SetClock, summary

BUDGET = 220_000
BEGIN_MS = START_MS - START_MS % 86_400_000


def windows(records: list[Record]) -> list[Summary]:
    bodies = (decode_body(record.kind, record.body) for record in records)
    return [body for body in bodies if isinstance(body, Summary)]


def window(number: int) -> Summary:
    return msgspec.structs.replace(summary(number), start_ms=BEGIN_MS + number * 900_000)


async def live(outbox: SqliteOutbox, days: int, *, first: int = 0, raw: bool = False) -> None:
    """Days as they pass: summaries of 15 minutes, counters of an hour, a fault and a state a day."""
    for number in range(first * 96, (first + days) * 96):
        at_ms = BEGIN_MS + (number + 1) * 900_000
        bodies: list[tuple[int, Body]] = [(at_ms, window(number))]
        if number % 4 == 0:
            bodies.append((at_ms, Energy(at_ms, {"pv_energy_total": float(number)})))
        if number % 96 == 0:
            fault = Fault(f"no_heat.{at_ms}", "no_heat", "start", "warning", "", at_ms)
            bodies += [(at_ms, fault), (at_ms, Reliability(at_ms, "no_heat", {"failures": number}))]
        if raw:
            bodies.append((at_ms, Unknown("raw", b"\xc4\xff" + bytes(255))))
        await outbox.append(bodies)


async def test_what_nobody_acknowledged_loses_resolution_from_the_oldest_on(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with SqliteOutbox(OutboxSettings(path, BUDGET), SetClock()) as outbox:
        await live(outbox, 40)
        records = await outbox.after(0, limit=100_000)
        stats = await outbox.stats()
    kept = windows(records)
    lengths = [window.window_s for window in kept]
    assert lengths == sorted(lengths, reverse=True)
    assert set(lengths) == {86_400, 3_600, 900}
    assert sum(window.merged for window in kept) == 40 * 96
    assert sum(window.signals[0].n for window in kept) == 40 * 96 * 90
    assert all(start.start_ms + start.window_s * 1000 <= after.start_ms for start, after in pairwise(kept))
    count = {kind: sum(record.kind == kind for record in records) for kind in ("energy", "fault", "reliability")}
    assert count == {"energy": 40 * 24, "fault": 40, "reliability": 40}
    assert path.stat().st_size < 1.1 * BUDGET
    assert stats.backlog == stats.records == len(records)
    assert [record.seq for record in records] == sorted({record.seq for record in records})


async def test_raw_samples_go_before_resolution(tmp_path: Path) -> None:
    async with SqliteOutbox(OutboxSettings(tmp_path / "j.db", BUDGET), SetClock()) as outbox:
        await live(outbox, 6, raw=True)
        records = await outbox.after(0, limit=100_000)
    assert {window.window_s for window in windows(records)} == {900}
    assert 0 < sum(record.kind == "raw" for record in records) < 6 * 96


async def test_a_window_of_the_present_hour_is_not_joined_too_early(tmp_path: Path) -> None:
    async with SqliteOutbox(OutboxSettings(tmp_path / "j.db", 1), SetClock()) as outbox:
        for number in range(9):
            await outbox.append([(BEGIN_MS, window(number))])
        kept = windows(await outbox.after(0, limit=100))
    assert [each.window_s for each in kept] == [3_600, *[900] * 5]


async def test_it_goes_on_after_reopening(tmp_path: Path) -> None:
    settings = OutboxSettings(tmp_path / "j.db", BUDGET)
    async with SqliteOutbox(settings, SetClock()) as outbox:
        await live(outbox, 30)
    async with SqliteOutbox(settings, SetClock()) as outbox:
        for number in range(400):
            await outbox.append([(BEGIN_MS + number, Event(number, "start", {"why": "x" * 90}))])
        kept = windows(await outbox.after(0, limit=100_000))
    assert sum(window.signals[0].n for window in kept) == 30 * 96 * 90


async def test_the_room_is_told_in_days(tmp_path: Path) -> None:
    async with SqliteOutbox(OutboxSettings(tmp_path / "j.db", BUDGET), SetClock()) as outbox:
        assert (await outbox.stats()).days_left is None
        await live(outbox, 2)
        after_two = (await outbox.stats()).days_left
        await live(outbox, 2, first=2)
        after_four = (await outbox.stats()).days_left
        position = await outbox.position()
        await outbox.acknowledge(position.epoch, position.last)
        acknowledged = (await outbox.stats()).days_left
    assert after_two is not None
    assert after_four is not None
    assert acknowledged is not None
    assert 2 < after_four < after_two < 40
    assert acknowledged > after_two
