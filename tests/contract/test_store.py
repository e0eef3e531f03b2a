"""What every store must do: what ingest writes is what the pages read, whatever happened in between.

Over SQLite always; over PostgreSQL too where one is installed.
"""

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import DDL, event, select
from sqlalchemy.exc import ProgrammingError

from agent.domain import signals as sg
from agent.domain.errors import BadInput, Transient
from agent.domain.reliability import EpisodeReliability
from agent.domain.twin import StaleVersion, Twin, TwinMessage, encode_twin
from agent.domain.wire import (
    Ack,
    Body,
    Energy,
    Event,
    Fault,
    Reliability,
    SignalSummary,
    Status,
    Summary,
    Unknown,
    encode_status,
)
from cloud.ports import ActiveFault, Arrival, EnergyRow, FleetReader, FleetWriter, Reported, Told
from cloud.store import schema
from cloud.store.database import Database
from cloud.store.reader import SqlFleetReader
from cloud.store.writer import SqlFleetWriter, WriterSettings
from tests.helpers.batches import DEVICE, EPOCH, arrival, batch
from tests.helpers.uplinks import START_MS, SetClock, summary

HOUR_MS = 3_600_000


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database(database_url, SetClock()) as opened:
        yield opened


@pytest.fixture
def writer(database: Database) -> FleetWriter:
    return SqlFleetWriter(database)


@pytest.fixture
def reader(database: Database) -> FleetReader:
    return SqlFleetReader(database, SetClock())


def send(writer: FleetWriter, first: int, *bodies: Body, **more: object) -> Ack:
    ((_, ack),) = writer.apply([arrival(batch(first, bodies, **more))])  # type: ignore[arg-type]
    return ack


def contents(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in schema.metadata.tables.items()
            if name not in {"schema_version", "devices", "quarantine"}
        }


def fault(phase: str, **more: object) -> Fault:
    return Fault("f-1", "no_heat", phase, "major", "boiler", START_MS, **more)  # type: ignore[arg-type]


def life() -> list[Body]:
    """A bit of everything."""
    up = EpisodeReliability(1, 1, 10 * HOUR_MS, HOUR_MS)
    return [
        summary(0),
        Energy(START_MS, {sg.PV_ENERGY_TOTAL: 1000.0}),
        fault("start", evidence={sg.FLOW_TEMPERATURE: 20.5}),
        summary(1),
        Reliability(START_MS, "no_heat", up.state()),
        fault("end", end_ms=START_MS + 5, failing_s=5.0),
        Event(START_MS, "restart", {"count": 3}),
        Unknown("later_kind", b"\x91\x01"),
        Reliability(START_MS + 1, "no_heat", EpisodeReliability(2, 2, 11 * HOUR_MS, HOUR_MS).state()),
        summary(2),
    ]


def test_what_was_sent_is_what_is_read(writer: FleetWriter, reader: FleetReader) -> None:
    assert send(writer, 1, *life()) == Ack(EPOCH.hex(), 10, want_twin=True)
    assert reader.signals(DEVICE) == [sg.BATTERY_SOC, sg.PV_POWER]
    points = reader.series(DEVICE, sg.BATTERY_SOC, START_MS, START_MS + HOUR_MS, 900)
    assert [(point.mean, point.n, point.bad) for point in points] == [(50.0, 90, 0), (50.1, 90, 1), (50.2, 90, 0)]
    assert reader.energy(DEVICE, START_MS, START_MS + 1) == [EnergyRow(START_MS, {sg.PV_ENERGY_TOTAL: 1000.0}, True)]
    (row,) = reader.faults()
    assert (row.end_ms, row.failing_s, row.evidence) == (START_MS + 5, 5.0, {sg.FLOW_TEMPERATURE: 20.5})
    (state,) = reader.reliability(device=DEVICE)
    assert EpisodeReliability.from_state(state.state).failures == 2
    assert [(event.name, event.detail) for event in reader.events(DEVICE)] == [("restart", {"count": 3})]
    (site,) = reader.sites()
    assert (site.device, site.failures, site.mtbf_hours, site.last_contact_ms) == (DEVICE, 2, 5.5, START_MS)
    assert reader.site(DEVICE) == site


def test_doubles_change_nothing(writer: FleetWriter, database: Database) -> None:
    send(writer, 1, *life())
    before = contents(database)
    for first in (1, 4, 10):
        assert send(writer, first, *life()[first - 1 :]).through == 10
    assert contents(database) == before


def test_the_same_records_in_a_new_epoch_change_no_row(writer: FleetWriter, database: Database) -> None:
    """A journal that was set back goes on in a new epoch and offers everything it holds again."""
    send(writer, 1, *life())
    before = contents(database)
    send(writer, 1, *life(), epoch=b"newepoch")
    after = contents(database)
    del before["positions"], after["positions"]
    assert after == before


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_reordered_doubled_and_lost_messages_end_like_the_straight_run(
    tmp_path_factory: pytest.TempPathFactory, seed: int, size: int
) -> None:
    rng, bodies = random.Random(seed), life()
    payloads = [batch(first + 1, bodies[first : first + size]) for first in range(0, len(bodies), size)]
    folder = tmp_path_factory.mktemp("stores")
    with Database(f"sqlite:///{folder / 'a.db'}", SetClock()) as ours:
        writer = SqlFleetWriter(ours)
        for _ in range(200):
            group = [arrival(rng.choice(payloads)) for _ in range(rng.randint(1, 3))]
            ((_, ack),) = writer.apply(group)
            if ack.through == len(bodies):
                break
        with Database(f"sqlite:///{folder / 'b.db'}", SetClock()) as straight:
            SqlFleetWriter(straight).apply([arrival(payload) for payload in payloads])
            assert contents(ours) == contents(straight)


def test_nothing_is_committed_when_a_part_of_it_fails(writer: FleetWriter, database: Database) -> None:
    send(writer, 1, summary(0))
    with database.write() as connection:
        connection.execute(DDL("ALTER TABLE reliability RENAME TO hidden"))
    payload = batch(2, [summary(1), Reliability(START_MS, "no_heat", {})])
    with pytest.raises((Transient, ProgrammingError), match="reliability"):
        writer.apply([arrival(payload)])
    with database.write() as connection:
        connection.execute(DDL("ALTER TABLE hidden RENAME TO reliability"))
    assert len(contents(database)["summaries"]) == 2
    assert writer.standings() == [(DEVICE, Ack(EPOCH.hex(), 1))]
    ((_, ack),) = writer.apply([arrival(payload)])
    assert ack.through == 3


def test_late_states_never_overwrite_newer_ones(writer: FleetWriter, reader: FleetReader) -> None:
    newer, older = EpisodeReliability(5, 5, 1, 0).state(), EpisodeReliability(1, 1, 1, 0).state()
    send(writer, 1, Reliability(START_MS + 100, "no_heat", newer), fault("end", end_ms=START_MS + 9))
    late: list[Body] = [Reliability(START_MS, "no_heat", older), fault("start")]
    send(writer, 1, *late, epoch=b"oldepoch")
    assert reader.reliability()[0].state == newer
    assert reader.faults()[0].end_ms == START_MS + 9


def test_the_window_that_saw_more_counts(writer: FleetWriter, reader: FleetReader) -> None:
    for epoch, n, mean in ((b"epoch--1", 10, 1), (b"epoch--2", 90, 2), (b"epoch--3", 20, 3)):
        window = Summary(START_MS, 900, [SignalSummary(sg.PV_POWER, 0, mean, 0, 0, 0, n)])
        send(writer, 1, window, epoch=epoch)
    (point,) = reader.series(DEVICE, sg.PV_POWER, START_MS, START_MS + 1, 900)
    assert (point.mean, point.n) == (2.0, 90)


def test_a_poison_record_hurts_nobody_else(writer: FleetWriter, reader: FleetReader) -> None:
    ack = send(writer, 1, summary(0), Summary(START_MS, 0, []), summary(1))
    assert [(item.first, item.last) for item in ack.rejected] == [(2, 2)]
    assert ack.through == 3
    assert len(reader.series(DEVICE, sg.PV_POWER, START_MS, START_MS + HOUR_MS, 900)) == 2
    (aside,) = reader.quarantined()
    assert (aside.device, aside.topic) == (DEVICE, "ew/1/site-01/up")
    assert aside.reason.startswith("record 2 of 0102030405060708: window_s 0")


def test_the_quarantine_of_one_device_does_not_grow_for_ever(database: Database, reader: FleetReader) -> None:
    writer = SqlFleetWriter(database, WriterSettings(quarantine_per_device=3, quarantine_payload_bytes=10))
    writer.quarantine("site-02", "ew/1/site-02/up", b"x", "rubbish", START_MS)
    for number in range(10):
        writer.quarantine(DEVICE, "ew/1/site-01/up", bytes(100), f"rubbish {number}", START_MS)
        writer.quarantine(None, "elsewhere", b"", f"rubbish {number}", START_MS)
    rows = reader.quarantined()
    assert [row.reason for row in rows if row.device == DEVICE] == ["rubbish 9", "rubbish 8", "rubbish 7"]
    assert [row.size for row in rows if row.device == DEVICE] == [10, 10, 10]
    assert len([row for row in rows if row.device is None]) == 3
    assert len([row for row in rows if row.device == "site-02"]) == 1


def test_a_reported_twin_is_patched_or_asked_for_whole(writer: FleetWriter, reader: FleetReader) -> None:
    def report(*messages: TwinMessage) -> Reported:
        return writer.reports([arrival(encode_twin(message)) for message in messages])

    assert report(TwinMessage(5, base=4, patch={"a": 1})) == Reported([DEVICE], 0)
    assert report(TwinMessage(5, doc={"a": 1, "b": {"c": 2}})) == Reported([], 0)
    assert report(TwinMessage(6, base=5, patch={"b": {"c": None, "d": 3}})) == Reported([], 0)
    assert report(TwinMessage(6, base=5, patch={"a": 9})) == Reported([DEVICE], 0)
    assert reader.twin(DEVICE) == (Twin(), Twin(6, {"a": 1, "b": {"d": 3}}))
    assert report(TwinMessage(-1, doc={})) == Reported([], 1)
    assert "version -1" in reader.quarantined()[0].reason


def test_twins_of_many_in_one_transaction_and_what_is_wrong_hurts_no_other(
    writer: FleetWriter, reader: FleetReader
) -> None:
    messages = [
        (DEVICE, TwinMessage(1, doc={"a": 1})),
        ("site-02", TwinMessage(7, base=6, patch={"a": 1})),
        (DEVICE, TwinMessage(2, base=1, patch={"b": 2})),
        ("site-03", TwinMessage(1, doc={"text": ["x" * 60_000]})),
        ("site-03", TwinMessage(2, base=1, patch={"more": ["x" * 60_000]})),
        ("site-02", TwinMessage(7, doc={"c": 3})),
        ("site-04", TwinMessage(3, base=2, patch={})),
    ]
    found = writer.reports([arrival(encode_twin(message), device=device) for device, message in messages])
    assert found == Reported(["site-04"], 1)
    assert reader.twin(DEVICE) == (Twin(), Twin(2, {"a": 1, "b": 2}))
    assert reader.twin("site-02") == (Twin(), Twin(7, {"c": 3}))
    assert [row.device for row in reader.quarantined()] == ["site-03"]
    assert [site.device for site in reader.sites()] == [DEVICE, "site-02", "site-03", "site-04"]


def test_a_wish_is_written_on_the_version_it_was_made_on(writer: FleetWriter, reader: FleetReader) -> None:
    with pytest.raises(BadInput, match="device 'site-01' is not known"):
        reader.desire(DEVICE, {}, 0)
    send(writer, 1, summary(0))
    assert reader.desire(DEVICE, {"interval_s": 60, "gone": None}, 0) == Twin(1, {"interval_s": 60})
    with pytest.raises(StaleVersion):
        reader.desire(DEVICE, {"interval_s": 30}, 0)
    with pytest.raises(BadInput, match="at most 65536"):
        reader.desire(DEVICE, {"text": "x" * 70_000}, 1)
    assert writer.desired() == [(DEVICE, Twin(1, {"interval_s": 60}))]


def test_status_and_last_contact(writer: FleetWriter, reader: FleetReader) -> None:
    def tell(status: Status, at_ms: int, retained: bool = False) -> Told:
        return writer.statuses([Arrival(DEVICE, encode_status(status), at_ms, retained)])

    assert tell(Status("online", START_MS), START_MS + 10) == Told([DEVICE], 0)
    assert tell(Status("offline"), START_MS + 99) == Told([], 0)
    site = reader.site(DEVICE)
    assert site is not None
    assert (site.online, site.first_seen_ms, site.last_contact_ms) == (False, START_MS + 10, START_MS + 10)
    writer.apply([arrival(batch(1, [summary(0)]), received_ms=START_MS + 5)])
    assert reader.sites()[0].last_contact_ms == START_MS + 10
    assert tell(Status("asleep"), START_MS) == Told([], 1)
    assert reader.quarantined()[0].reason == "status 'asleep', expected one of online, offline"
    assert tell(Status("online", START_MS + 40), START_MS + 99, retained=True) == Told([], 0)
    assert reader.sites()[0].last_contact_ms == START_MS + 40


def test_active_faults_and_periods(writer: FleetWriter, reader: FleetReader) -> None:
    def step(number: int, phase: str, end_ms: int | None = None) -> Fault:
        return Fault(f"f{number}", f"code_{number}", phase, "minor", "battery", START_MS + number * 100, end_ms)

    send(writer, 1, step(1, "start"), step(2, "start"), step(3, "start"), step(1, "end", START_MS + 150))
    assert [row.id for row in reader.faults(active=True)] == ["f3", "f2"]
    assert [row.id for row in reader.faults(active=False)] == ["f1"]
    assert [row.id for row in reader.faults(start_ms=START_MS + 150)] == ["f3", "f2"]
    assert [row.id for row in reader.faults(end_ms=START_MS + 201)] == ["f2", "f1"]
    assert [row.id for row in reader.faults(code="code_2", device=DEVICE, limit=1)] == ["f2"]
    assert reader.faults(device="site-99") == []
    assert reader.sites()[0].active_faults == [
        ActiveFault(f"f{n}", f"code_{n}", "minor", "battery", START_MS + n * 100) for n in (2, 3)
    ]


def test_where_everybody_stands(writer: FleetWriter) -> None:
    send(writer, 1, summary(0))
    writer.apply([arrival(batch(1, [summary(0)], epoch=b"newepoch"), received_ms=START_MS + 1)])
    writer.apply([arrival(batch(1, [summary(0)], device="site-02"), device="site-02")])
    assert writer.standings() == [(DEVICE, Ack(b"newepoch".hex(), 1)), ("site-02", Ack(EPOCH.hex(), 1))]


def test_an_unknown_device_has_nothing(reader: FleetReader) -> None:
    assert reader.site("site-99") is None
    assert reader.twin("site-99") is None
    assert reader.signals("site-99") == []
    assert reader.series("site-99", sg.PV_POWER, -(2**70), 2**70, 900) == []
    assert reader.energy("site-99", 0, 1) == []
    assert reader.events("site-99") == []


def test_a_fleet_is_read_in_a_fixed_number_of_queries(
    writer: FleetWriter, reader: FleetReader, database: Database
) -> None:
    counts = []
    for size in (2, 40):
        writer.apply([arrival(batch(1, life(), device=f"home-{n}"), device=f"home-{n}") for n in range(size)])
        statements: list[str] = []
        listener = lambda *args, seen=statements: seen.append(args[2])  # noqa: E731
        engine = database._engine
        event.listen(engine, "before_cursor_execute", listener)
        assert len(reader.sites()) == size
        event.remove(engine, "before_cursor_execute", listener)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 4
