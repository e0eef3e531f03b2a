"""Closed days as Parquet files: `kind=summaries/date=2026-01-31/part-0.parquet`, in a folder or at an address.

A day is one file, and a new version takes its place in one step (rename; for an object store the copy of one object).
So whoever lists the folder or globs it, DuckDB and Spark included, sees each day once and whole, before or after.
"""

import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fcntl import LOCK_EX, flock
from pathlib import Path, PurePosixPath
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from agent.domain.errors import BadInput, BadSetup, Transient
from cloud.lake.jobs import Source, filesystem_of, shown
from cloud.lake.tables import Kind

FILE: Final = "part-0.parquet"
_WAITING: Final = "_waiting"
_ROWS_PER_GROUP: Final = 1 << 19

Step = Callable[[str], None]


def _no_step(_: str) -> None:
    """Nothing happens between the steps of a seal."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a call of `seal` did. `changed` is false where the day held all of it already."""

    day: date
    rows: int
    changed: bool


class Lake:
    """The lake at `address`. `step` is called with the name of each step of a seal once it is done.

    One program seals at a time: in a folder a lock sees to it, at other addresses the caller must.
    """

    def __init__(self, address: str, *, step: Step = _no_step) -> None:
        self.address = shown(address)
        self._filesystem, self._root = filesystem_of(address)
        self._step = step

    def seal(self, kind: Kind, day: date, batches: Iterable[pa.RecordBatch]) -> Sealed:
        """Make these rows part of the day: new ones are added, those with a known key replaced, the rest stays.

        Raises `BadInput` for a row of another day, `Transient` where the lake cannot be written.
        """
        late = pa.Table.from_batches(list(batches), schema=kind.schema)
        _expect_day(kind, day, late)
        with self._errors(), self._lock():
            self._clear_waiting()
            before = self._day(kind, day)
            rows = _united(kind, before, late)
            if before is not None and rows.equals(before):
                return Sealed(day, len(rows), changed=False)
            self._put(kind, day, rows)
        return Sealed(day, len(rows), changed=True)

    def days(self, kind: Kind) -> list[date]:
        """Sealed days, in order."""
        folder = f"{self._root}/kind={kind.name}"
        if self._filesystem.get_file_info(folder).type != pafs.FileType.Directory:
            return []
        found = self._filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
        names = [PurePosixPath(info.path) for info in found if info.type == pafs.FileType.File]
        return sorted(date.fromisoformat(name.parent.name[len("date=") :]) for name in names if name.name == FILE)

    def read(
        self, kind: Kind, *, start: date | None = None, end: date | None = None, columns: list[str] | None = None
    ) -> pa.Table:
        """Rows of the days `start` ≤ day < `end`, by day and key."""
        days = [day for day in self.days(kind) if (start is None or day >= start) and (end is None or day < end)]
        schema = kind.schema if columns is None else pa.schema([kind.schema.field(name) for name in columns])
        with self._errors():
            tables = [pq.ParquetFile(self._open(self._path(kind, day))).read(columns=columns) for day in days]
        return pa.concat_tables([schema.empty_table(), *(table.cast(schema) for table in tables)])

    def source(self, kind: Kind, *, start: date | None = None, end: date | None = None) -> Source:
        """The files of these days, for a job. Raises `BadSetup` where there are none."""
        days = [day for day in self.days(kind) if (start is None or day >= start) and (end is None or day < end)]
        if not days:
            raise BadSetup(self.address, f"no sealed day of {kind.name}")
        return Source(self._filesystem, tuple(self._path(kind, day) for day in days), kind.schema)

    def note(self, name: str) -> bytes | None:
        """What the lake's keeper wrote down under this name; readers of the lake do not see it."""
        path = f"{self._root}/_{name}"
        with self._errors():
            if self._filesystem.get_file_info(path).type == pafs.FileType.NotFound:
                return None
            with self._open(path) as stream:
                return bytes(stream.read())

    def write_note(self, name: str, content: bytes) -> None:
        """Replace a note in one step."""
        with self._errors(), self._lock():
            waiting = f"{self._root}/{_WAITING}/{name}-{uuid.uuid4().hex}.tmp"
            self._filesystem.create_dir(str(PurePosixPath(waiting).parent), recursive=True)
            with self._filesystem.open_output_stream(waiting) as stream:
                stream.write(content)
            self._sync(waiting)
            self._filesystem.move(waiting, f"{self._root}/_{name}")

    def _path(self, kind: Kind, day: date) -> str:
        return f"{self._root}/kind={kind.name}/date={day.isoformat()}/{FILE}"

    def _open(self, path: str) -> pa.NativeFile:
        return self._filesystem.open_input_file(path)

    def _day(self, kind: Kind, day: date) -> pa.Table | None:
        path = self._path(kind, day)
        if self._filesystem.get_file_info(path).type == pafs.FileType.NotFound:
            return None
        return pq.ParquetFile(self._open(path)).read().cast(kind.schema)

    def _put(self, kind: Kind, day: date, rows: pa.Table) -> None:
        """Write aside, make it durable, then let it take the day's place."""
        path = self._path(kind, day)
        waiting = f"{self._root}/{_WAITING}/{kind.name}-{day.isoformat()}-{uuid.uuid4().hex}.tmp"
        for name in (waiting, path):
            self._filesystem.create_dir(str(PurePosixPath(name).parent), recursive=True)
        with self._filesystem.open_output_stream(waiting) as stream:
            pq.write_table(rows, stream, compression="zstd", row_group_size=_ROWS_PER_GROUP)
        self._step("written")
        self._sync(waiting)
        self._step("durable")
        self._filesystem.move(waiting, path)
        self._step("swapped")
        self._sync(str(PurePosixPath(path).parent))
        self._step("done")

    @property
    def _is_folder(self) -> bool:
        return isinstance(self._filesystem, pafs.LocalFileSystem)

    def _sync(self, path: str) -> None:
        if self._is_folder:
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _clear_waiting(self) -> None:
        """What a run that was killed has left behind."""
        folder = f"{self._root}/{_WAITING}"
        if self._filesystem.get_file_info(folder).type == pafs.FileType.Directory:
            self._filesystem.delete_dir_contents(folder)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        if not self._is_folder:
            yield
            return
        Path(self._root).mkdir(parents=True, exist_ok=True)
        with (Path(self._root) / "_lock").open("w") as file:
            flock(file, LOCK_EX)
            yield

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise Transient(f"lake {self.address}: {error}") from error


def _expect_day(kind: Kind, day: date, rows: pa.Table) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    times = rows.column(kind.dated)
    wrong = pc.or_(pc.less(times, pa.scalar(start)), pc.greater_equal(times, pa.scalar(start + timedelta(days=1))))
    if pc.any(wrong).as_py():
        first = rows.filter(wrong).column(kind.dated)[0].as_py()
        raise BadInput(f"{kind.name}: a row of {first.isoformat()} does not belong to {day.isoformat()}")


def _united(kind: Kind, before: pa.Table | None, late: pa.Table) -> pa.Table:
    """Each key once, the latest row of it, in the order of the keys."""
    table = late if before is None else pa.concat_tables([before, late])
    numbered = table.append_column("_row", pa.array(range(len(table)), pa.int64()))
    last = numbered.select([*kind.key, "_row"]).group_by(list(kind.key)).aggregate([("_row", "max")])
    rows = last.sort_by([(name, "ascending") for name in kind.key]).column("_row_max")
    return table.take(rows).combine_chunks()
