"""What an analysis over Parquet files has to say of itself, so that threads here and Spark can both run it.

A job turns some rows into partial results and the partial results of a device into its result. It must not matter how
rows are cut into pieces: then every engine gives the same figures to the last digit.
"""

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from agent.domain.errors import BadSetup, Transient

DEVICE = "device"
# What imported fleets call a device.
_ALSO = "installation"
# A column that no file has: where a row stands among all rows of the source. A job that wants it gets it.
ORDER = "_order"
# A file of this name beside the data says what homes have; it is not data itself.
EQUIPMENT = "equipment"
_TRIES = 3
_PIECE_ROWS = 1 << 19
_SHARD_BYTES = 8 << 20
Progress = Callable[[int, int], None]


class Job(Protocol):
    """One analysis by device. Objects must pickle; tables carry a string column `device`."""

    @property
    def columns(self) -> Sequence[str]:
        """What it reads beside `device`; nothing else is taken from the files."""
        ...

    @property
    def partial_schema(self) -> pa.Schema: ...

    @property
    def result_schema(self) -> pa.Schema: ...

    def partial(self, rows: pa.Table) -> pa.Table:
        """Partial results of any rows, in whatever order they come."""
        ...

    def finish(self, partials: pa.Table) -> pa.Table:
        """Results of all devices in `partials`, which holds everything about each of them."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """Parquet files of one layout."""

    filesystem: pafs.FileSystem
    files: tuple[str, ...]
    schema: pa.Schema

    @property
    def texts(self) -> list[str]:
        """Columns of text, which are read as codes into the few values they have."""
        return [field.name for field in self.schema if _is_text(field.type)]


def open_source(address: str, columns: Sequence[str]) -> Source:
    """The files at `address`: one file, a folder, or an address such as `s3://bucket/minutes`.

    Raises `BadSetup` where there are none, or a column of `columns` is in no file.
    """
    filesystem, path = filesystem_of(address)
    files = _files(filesystem, path, address)
    schema = _schema(filesystem, files[0])
    known = {*schema.names, *constants(files[0])}
    missing = [name for name in columns if name not in known]
    if missing:
        raise BadSetup(
            shown(address),
            f"column {missing[0]!r} is missing; expected {', '.join(columns)}, found {', '.join(sorted(known))}",
        )
    return Source(filesystem, files, schema)


def filesystem_of(address: str) -> tuple[pafs.FileSystem, str]:
    """Where an address leads. Raises `BadSetup` for one that nothing understands."""
    if "://" not in address:
        return pafs.LocalFileSystem(), os.path.abspath(address)  # noqa: PTH100 - a path may not exist yet
    try:
        return cast("tuple[pafs.FileSystem, str]", pafs.FileSystem.from_uri(address))
    except (pa.ArrowException, ValueError, OSError) as error:
        raise BadSetup(shown(address), f"not an address of files: {error}") from error


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def shown(address: str) -> str:
    """An address as it may be told: without a name and password in it."""
    return re.sub(r"://[^/@]*@", "://", address)


def _files(filesystem: pafs.FileSystem, path: str, address: str) -> tuple[str, ...]:
    info = filesystem.get_file_info(path)
    if info.type == pafs.FileType.NotFound:
        raise BadSetup(shown(address), "no such file or folder")
    if info.type == pafs.FileType.File:
        return (path,)
    found = filesystem.get_file_info(pafs.FileSelector(path, recursive=True))
    names = sorted(entry.path for entry in found if entry.type == pafs.FileType.File and _is_data(entry.path, path))
    if not names:
        raise BadSetup(shown(address), "no Parquet file in it")
    return tuple(names)


def _is_data(name: str, root: str) -> bool:
    inside = PurePosixPath(name[len(root) :]).parts
    hidden = any(part.startswith(("_", ".")) for part in inside)
    return name.endswith((".parquet", ".pq")) and not hidden and PurePosixPath(name).stem != EQUIPMENT


def _schema(filesystem: pafs.FileSystem, path: str) -> pa.Schema:
    with _open(filesystem, path) as file:
        return file.schema_arrow


def _open(filesystem: pafs.FileSystem, path: str, texts: Sequence[str] = ()) -> pq.ParquetFile:
    try:
        local = isinstance(filesystem, pafs.LocalFileSystem)
        handle = pa.memory_map(path) if local else filesystem.open_input_file(path)
        file = pq.ParquetFile(handle)
        codes = [name for name in texts if name in file.schema_arrow.names]
        return pq.ParquetFile(handle, read_dictionary=codes, metadata=file.metadata) if codes else file
    except (pa.ArrowException, OSError) as error:
        raise BadSetup(path, f"not a readable Parquet file: {error}") from error


def constants(path: str) -> dict[str, str]:
    """Columns that stand in the path, as `device=home-1`."""
    return dict(part.split("=", 1) for part in PurePosixPath(path).parts[:-1] if "=" in part)


def run_local(job: Job, source: Source, *, workers: int | None = None, progress: Progress | None = None) -> pa.Table:
    """The job's results, in order of device, computed with `workers` threads (default: one per processor)."""
    return steady(source, lambda: _run_once(job, source, workers or os.cpu_count() or 1, progress))


def _run_once(job: Job, source: Source, workers: int, progress: Progress | None) -> pa.Table:
    pieces = pieces_of(source)
    done: list[pa.Table] = []
    with ThreadPoolExecutor(workers, thread_name_prefix="job") as pool:
        for part in pool.map(lambda piece: partial_of(job, source, piece), pieces):
            done.append(part)
            if progress is not None:
                progress(len(done), len(pieces))
        shards = _shards(pa.concat_tables([job.partial_schema.empty_table(), *done]))
        return in_order(pa.concat_tables(pool.map(job.finish, shards)))


def _shards(partials: pa.Table) -> list[pa.Table]:
    """The partial results in parts that each hold everything about their devices: several at once, none too large."""
    count = min(-(-partials.nbytes // _SHARD_BYTES), len(partials))
    if count < 2:
        return [partials]
    codes = partials.column(DEVICE).dictionary_encode().unify_dictionaries().combine_chunks().indices
    shard = pc.bit_wise_and(codes, (1 << (count - 1).bit_length()) - 1)
    return [part for i in range(1 << (count - 1).bit_length()) if len(part := partials.filter(pc.equal(shard, i)))]


def in_order(result: pa.Table) -> pa.Table:
    """Rows by device, and by the further columns of text that tell them apart."""
    texts = [field.name for field in result.schema if pa.types.is_string(field.type)]
    return result.sort_by([(name, "ascending") for name in texts])


def steady(source: Source, run: Callable[[], pa.Table]) -> pa.Table:
    """What `run` gives on files that nobody replaced meanwhile. Raises `Transient` where they never rest."""
    for _ in range(_TRIES):
        before = _versions(source)
        try:
            result = run()
        except (pa.ArrowException, OSError, BadSetup):
            if _versions(source) == before:
                raise
            continue
        if _versions(source) == before:
            return result
    raise Transient(f"{source.files[0]} and others: still being replaced after {_TRIES} tries")


def _versions(source: Source) -> list[tuple[str, int, int]]:
    infos = source.filesystem.get_file_info(list(source.files))
    return [(info.path, info.size or 0, info.mtime_ns or 0) for info in infos]


@dataclass(frozen=True, slots=True)
class Piece:
    """Row groups `first` ≤ n < `stop` of a file: what is read and worked off at once."""

    path: str
    first: int
    stop: int


def pieces_of(source: Source) -> list[Piece]:
    """The files cut into pieces of about `_PIECE_ROWS` rows; small row groups of a file go together."""
    pieces: list[Piece] = []
    for path in source.files:
        first, rows, counts = 0, 0, _row_counts(source.filesystem, path)
        for group, count in enumerate(counts, 1):
            rows += count
            if rows >= _PIECE_ROWS or group == len(counts):
                pieces.append(Piece(path, first, group))
                first, rows = group, 0
    return pieces


def _row_counts(filesystem: pafs.FileSystem, path: str) -> list[int]:
    with _open(filesystem, path) as file:
        return [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]


def partial_of(job: Job, source: Source, piece: Piece) -> pa.Table:
    """The job's partial results of one piece."""
    wanted = [name for name in job.columns if name != ORDER]
    with _open(source.filesystem, piece.path, source.texts) as file:
        rows = read_columns(file, piece, (DEVICE, *wanted))
    if len(wanted) < len(job.columns):
        place = source.files.index(piece.path) << 44 | piece.first << 24
        rows = rows.append_column(ORDER, pa.array(range(place, place + len(rows)), pa.int64()))
    try:
        return job.partial(rows)
    except BadSetup as error:
        raise BadSetup(f"{piece.path}, {error.where}", error.problem, hint=error.hint) from error


def read_columns(file: pq.ParquetFile, piece: Piece, columns: Sequence[str]) -> pa.Table:
    """These columns of a piece; one that only the path knows is filled in from there."""
    known = file.schema_arrow.names
    if DEVICE in columns and DEVICE not in known and _ALSO in known:
        other = read_columns(file, piece, [_ALSO if name == DEVICE else name for name in columns])
        return other.rename_columns(list(columns))
    inside = [name for name in columns if name in known]
    try:
        table = file.read_row_groups(list(range(piece.first, piece.stop)), columns=inside, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise BadSetup(piece.path, f"row groups {piece.first} to {piece.stop} cannot be read: {error}") from error
    outside = constants(piece.path)
    for name in columns:
        if name not in inside:
            if name not in outside:
                raise BadSetup(piece.path, f"column {name!r} is missing")
            table = table.append_column(name, _repeated(outside[name], len(table)))
    return table.select(list(columns))


def _repeated(value: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array([value]))
