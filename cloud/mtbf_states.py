"""MTBF from what devices reported of themselves: the fleet's database, or the lake that its days are sealed into."""

from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from agent.domain.errors import BadSetup
from cloud.fleet.equipment_attributes import Equipment, merged, read_equipment
from cloud.fleet.equipment_states import StatesJob, state_tallies
from cloud.lake.jobs import DEVICE, filesystem_of, shown
from cloud.lake.sealing import equipment_of
from cloud.lake.store import Lake
from cloud.lake.tables import EQUIPMENT, RELIABILITY
from cloud.mtbf_minutes import Found, Run, Wish
from cloud.ports import FleetReader, ReliabilityRow

_LARGEST = 2**53
_DATABASE_ENDINGS = (".db", ".sqlite", ".sqlite3")
_DATABASE_SCHEMES = ("sqlite:", "postgresql:", "postgresql+")


def holds_states(address: str) -> bool:
    """True for the fleet's database (file, URL or the aggregator's TOML file) and for a lake."""
    return is_database(address) or _is_lake(address)


def is_database(address: str) -> bool:
    return _database_url(address) is not None


def _database_url(address: str) -> str | None:
    from cloud.config import load, there

    if address.startswith(_DATABASE_SCHEMES):
        return there(address)
    if address.endswith(".toml"):
        return there(load(Path(address)).database_url)
    return there(f"sqlite:///{address}") if address.endswith(_DATABASE_ENDINGS) else None


def _is_lake(address: str) -> bool:
    filesystem, path = filesystem_of(address)
    return bool(filesystem.get_file_info(f"{path}/kind={RELIABILITY.name}").type == pafs.FileType.Directory)


def analyse_states(address: str, wish: Wish, run: Run) -> Found:
    """MTBF per home. Raises `BadSetup` where the source cannot answer the wish."""
    if wish.published:
        raise BadSetup("--published", f"{shown(address)} holds episodes; the published figure needs minutes in Parquet")
    url = _database_url(address)
    found = _from_lake(address, wish, run) if url is None else _from_database(url, wish)
    if wish.equipment is None:
        return found
    return Found(found.rows, found.tallies, {}, merged(found.equipment, read_equipment(wish.equipment)), found.last_ms)


def _from_lake(address: str, wish: Wish, run: Run) -> Found:
    lake = Lake(address)
    result = run(StatesJob(wish.period), lake.source(RELIABILITY))
    equipment: Equipment = {}
    for row in lake.read(EQUIPMENT).to_pylist():
        equipment.setdefault(row["device"], {})[row["name"]] = row["value"] or ""
    return _found(result, equipment)


def _from_database(url: str, wish: Wish) -> Found:
    if wish.period.start_ms is not None or wish.period.end_ms is not None:
        raise BadSetup("--from, --to", "the database keeps each device's sums as they stand; a period needs the lake")
    # Minutes in Parquet need no database, and its library takes a while to load.
    from cloud.clock import SystemClock
    from cloud.store.database import Database
    from cloud.store.reader import SqlFleetReader

    clock = SystemClock()
    with Database(url, clock) as database:
        reader: FleetReader = SqlFleetReader(database, clock)
        states, sites = reader.reliability(), reader.sites()
    job = StatesJob()
    result = job.finish(job.partial(_states(states)))
    return _found(result, {site.device: equipment_of(site) for site in sites})


def _states(everything: list[ReliabilityRow]) -> pa.Table:
    """States as a table. One that cannot be is left out: it came from a device and may hold anything."""
    sums = ("failures", "repairs", "up_ms", "down_ms")
    rows = [row for row in everything if all(0 <= (row.state.get(name) or 0) <= _LARGEST for name in sums)]
    columns = {DEVICE: [row.device for row in rows], "code": [row.code for row in rows]}
    table = pa.table(columns, schema=pa.schema([(DEVICE, pa.string()), ("code", pa.string())]))
    table = table.append_column("time", pa.array([row.at_ms for row in rows], pa.timestamp("ms", tz="UTC")))
    for name in sums:
        table = table.append_column(name, pa.array([int(row.state.get(name) or 0) for row in rows], pa.int64()))
    return table


def _found(result: pa.Table, equipment: Equipment) -> Found:
    last_ms = max(result.column("time").to_pylist(), default=None)
    return Found(result.num_rows, state_tallies(result), {}, equipment, last_ms)
