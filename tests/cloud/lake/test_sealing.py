"""From the real store into the lake: every closed day, late rows too, nothing twice."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from agent.domain.reliability import EpisodeReliability
from agent.domain.signals import BATTERY_SOC
from agent.domain.twin import TwinMessage, encode_twin
from agent.domain.wire import Body, Fault, Reliability, SignalSummary, Summary
from cloud.clock import SystemClock
from cloud.lake.sealing import SealingSettings, closed_days, seal_closed_days
from cloud.lake.store import Lake
from cloud.lake.tables import EQUIPMENT, FAULTS, RELIABILITY, SUMMARIES
from cloud.store.database import Database
from cloud.store.reader import SqlFleetReader
from cloud.store.writer import SqlFleetWriter
from tests.helpers.batches import arrival, batch

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
NOW = START + 2 * DAY_MS + 5 * HOUR_MS


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(f"sqlite:///{tmp_path / 'fleet.db'}", SystemClock()) as opened:
        yield opened


def summary(at_ms: int) -> Body:
    return Summary(at_ms, 900, [SignalSummary(BATTERY_SOC, 1, 500, 10, 10, 0, 15)])


def fault(phase: str, start_ms: int, end_ms: int | None = None) -> Body:
    return Fault(f"f-{start_ms}", "no_heat", phase, "critical", "boiler", start_ms, end_ms, 60.0, {BATTERY_SOC: 3.0})


def send(database: Database, first: int, *bodies: Body) -> None:
    SqlFleetWriter(database).apply([arrival(batch(first, bodies))])


def fill(database: Database) -> None:
    sums = EpisodeReliability(3, 3, 10 * HOUR_MS, HOUR_MS).state()
    send(
        database,
        1,
        *(summary(START + i * 900_000) for i in range(4)),
        summary(START + DAY_MS),
        fault("start", START + HOUR_MS),
        fault("end", START + HOUR_MS, START + DAY_MS + 1),
        fault("start", START + DAY_MS + HOUR_MS),
        Reliability(NOW - HOUR_MS, "no_heat", sums),
    )
    sources = {"inverter": {"equipment": {"maker": "Sungrow", "model": "SH5.0RT", "firmware": "2.1"}}}
    twin = TwinMessage(1, doc={"site": {"timezone": "Europe/Berlin"}, "sources": sources})
    SqlFleetWriter(database).reports([arrival(encode_twin(twin), received_ms=START)])


def seal(database: Database, lake: Lake) -> list[tuple[str, date]]:
    outcomes = seal_closed_days(SqlFleetReader(database, SystemClock()), lake, NOW)
    return [(kind, sealed.day) for kind, sealed in outcomes if sealed.changed]


def test_closed_days_are_sealed_once_and_late_rows_reseal_their_day_only(database: Database, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    fill(database)
    first, second, today = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
    assert sorted(seal(database, lake)) == [
        *(("equipment", today), ("faults", first), ("faults", second)),
        *(("reliability", today), ("summaries", first), ("summaries", second)),
    ]
    assert seal(database, lake) == []
    send(database, 10, summary(START + DAY_MS + 900_000), fault("end", START + DAY_MS + HOUR_MS, START + DAY_MS + 9))
    assert seal(database, lake) == [("summaries", second), ("faults", second)]
    assert [len(lake.read(SUMMARIES, start=day, end=end)) for day, end in ((first, second), (second, today))] == [4, 2]
    faults = lake.read(FAULTS).to_pylist()
    assert [row["end"] is None for row in faults] == [False, False]
    assert faults[0]["evidence"] == [(BATTERY_SOC, 3.0)]
    assert lake.read(RELIABILITY).column("up_ms").to_pylist() == [10 * HOUR_MS]
    things = {row["name"]: row["value"] for row in lake.read(EQUIPMENT).to_pylist()}
    assert things["inverter_model"] == things["model"] == "SH5.0RT"
    assert things["timezone"] == "Europe/Berlin"


def test_a_device_that_was_away_for_a_year_fills_its_days(database: Database, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    long_ago = START - 365 * DAY_MS
    send(database, 1, summary(long_ago))
    assert seal(database, lake)[0] == ("summaries", date(2025, 3, 1))
    assert seal(database, lake) == []
    old = fault("start", long_ago + DAY_MS + HOUR_MS)
    send(database, 2, *(summary(long_ago + i * DAY_MS + 900_000) for i in range(3)), old)
    days = [date(2025, 3, 1 + i) for i in range(3)]
    assert seal(database, lake) == [*(("summaries", day) for day in days), ("faults", days[1])]
    assert len(lake.read(SUMMARIES)) == 4
    # The journal is still on its way: what comes the next night is found from where the lake ends.
    send(database, 6, summary(START - 100 * DAY_MS), summary(START + HOUR_MS))
    assert seal(database, lake) == [("summaries", date(2025, 11, 21)), ("summaries", date(2026, 3, 1))]
    assert seal(database, lake) == []


def test_a_fault_that_ends_after_weeks_is_ended_in_the_lake(database: Database, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    began = START - 60 * DAY_MS
    send(database, 1, fault("start", began), summary(START + HOUR_MS))
    seal(database, lake)
    assert lake.read(FAULTS).column("end").to_pylist() == [None]
    send(database, 3, fault("end", began, START + DAY_MS))
    assert seal(database, lake) == [("faults", date(2025, 12, 31))]
    assert lake.read(FAULTS).column("end").to_pylist() != [None]


def test_a_seal_that_fails_is_made_up_for(database: Database, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(step: str) -> None:
        if step == "durable":
            raise Stopped

    long_ago = START - 365 * DAY_MS
    send(database, 1, summary(long_ago), summary(long_ago + DAY_MS))
    with pytest.raises(Stopped):
        seal(database, Lake(str(tmp_path / "lake"), step=stop))
    lake = Lake(str(tmp_path / "lake"))
    assert lake.days(SUMMARIES) == []
    assert [day for kind, day in seal(database, lake) if kind == "summaries"] == [date(2025, 3, 1), date(2025, 3, 2)]


def test_a_day_is_open_until_its_grace_is_over() -> None:
    settings = SealingSettings(grace_h=3, again_days=2)
    before, after = START + DAY_MS + 3 * HOUR_MS - 1, START + DAY_MS + 3 * HOUR_MS
    assert closed_days(before, settings) == [date(2026, 2, 27), date(2026, 2, 28)]
    assert closed_days(after, settings) == [date(2026, 2, 28), date(2026, 3, 1)]
