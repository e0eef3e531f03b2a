"""A fleet's samples: the Parquet folder that imports are merged into, and reading a source whatever its form.

Samples have the columns `installation`, `signal`, `time` (ms, UTC) and `value`; the lake's summaries are read as such,
with `device` and `mean` for installation and value. The folder holds one file per month,
`samples/month=2016-12/samples.parquet`, sorted by installation, signal and time, and `installations.parquet` with the
city of each. A row equal to one that is there changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from agent.domain.errors import BadSetup
from cloud.fleet.export_file import Reading, read

KEY = ["installation", "signal", "time", "value"]
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "installation": pl.String,
    "signal": pl.String,
    "time": pl.Datetime("ms", "UTC"),
    "value": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class Source:
    """`bad`: rows that could not be read (line, reason, content); `cities`: installation → city."""

    samples: pl.LazyFrame
    cities: dict[str, str]
    bad: pl.DataFrame


def made(folder: Path) -> Path:
    """The folder, made where it is not there yet. Raises `BadSetup` where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetup(str(folder), f"cannot be a folder for results: {error.strerror}") from error
    return folder


def write_whole(frame: pl.DataFrame, path: Path) -> None:
    """Write a Parquet file so that a reader sees the old one or the new one, never half of it."""
    made(path.parent)
    aside = path.with_name(f".{path.name}.part")
    frame.write_parquet(aside, compression="zstd", row_group_size=250_000)
    aside.replace(path)


def merge(folder: Path, rows: pl.DataFrame) -> int:
    """Merge samples (with their `city`) into the folder; how many were new."""
    added = 0
    month = pl.col("time").dt.strftime("%Y-%m")
    for (name,), part in rows.with_columns(month=month).group_by("month", maintain_order=False):
        path = folder / "samples" / f"month={name}" / "samples.parquet"
        fresh = part.select(KEY)
        before = pl.read_parquet(path, hive_partitioning=False) if path.exists() else fresh.clear()
        after = pl.concat([before, fresh]).unique().sort(KEY)
        if len(after) > len(before):
            write_whole(after, path)
            added += len(after) - len(before)
    _merge_cities(folder, rows)
    return added


def _merge_cities(folder: Path, rows: pl.DataFrame) -> None:
    path = folder / "installations.parquet"
    fresh = rows.select("installation", "city").unique()
    before = pl.read_parquet(path) if path.exists() else fresh.clear()
    after = pl.concat([before, fresh]).unique("installation", keep="first", maintain_order=True).sort("installation")
    if not after.equals(before):
        write_whole(after, path)


def conflicts(folder: Path) -> int:
    """How many instants of a signal have more than one value; all are kept, and a mean is taken over them."""
    found = scan(folder).group_by("installation", "signal", "time").len().filter(pl.col("len") > 1)
    return int(found.select(pl.len()).collect().item())


def open_source(path: Path, how: Reading) -> Source:
    """A CSV (plain, gzipped, zipped), a Parquet file, or a folder of Parquet files."""
    if path.is_dir() or path.suffix == ".parquet":
        return Source(scan(path), cities(path), pl.DataFrame())
    blocks = list(read(path, how))
    good = pl.concat([block.good for block in blocks]) if blocks else pl.DataFrame(schema={**SCHEMA, "city": pl.String})
    bad = pl.concat([block.bad for block in blocks]) if blocks else pl.DataFrame()
    named = good.select("installation", "city").unique("installation", keep="first")
    return Source(good.select(KEY).lazy(), dict(named.iter_rows()), bad)


def cities(path: Path) -> dict[str, str]:
    """Installation → city, as far as the folder knows them."""
    table = path / "installations.parquet"
    return dict(pl.read_parquet(table).select("installation", "city").iter_rows()) if table.is_file() else {}


def parquet_files(path: Path) -> list[Path]:
    """The files with samples of a source; the folder's own `installations.parquet` is not one."""
    if path.is_file():
        return [path]
    root = next((path / name for name in ("samples", "kind=summaries") if (path / name).is_dir()), path)
    files = sorted(each for each in root.rglob("*.parquet") if each.name != "installations.parquet")
    if not files:
        raise BadSetup(str(path), "holds no Parquet file; expected a folder made by import, or a CSV")
    return files


def scan(path: Path) -> pl.LazyFrame:
    """The samples of Parquet files in long form, or in wide form with one column per signal."""
    frame = pl.scan_parquet(parquet_files(path), hive_partitioning=False)
    frame = frame.rename({"device": "installation", "mean": "value"}, strict=False)
    try:
        schema = frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadSetup(str(path), f"is no Parquet: {str(error).splitlines()[0]}") from error
    if "time_ms" in schema:
        frame = frame.with_columns(time=pl.from_epoch("time_ms", time_unit="ms").dt.replace_time_zone("UTC"))
    elif "time" not in schema or "installation" not in schema:
        raise BadSetup(str(path), f"has columns {', '.join(schema)}; expected installation, time, signal, value")
    if "signal" not in schema:
        frame = frame.unpivot(
            wide_signals(schema), index=["installation", "time"], variable_name="signal", value_name="value"
        ).drop_nulls("value")
    return frame.select(
        pl.col("installation").cast(pl.String),
        pl.col("signal").cast(pl.String),
        pl.col("time").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"),
        pl.col("value").cast(pl.Float64),
    ).drop_nulls("value")


def wide_signals(columns: Sequence[str] | pl.Schema) -> list[str]:
    """The columns of a wide table that hold values."""
    return [name for name in columns if name not in ("installation", "time", "time_ms", "city", "month")]


def within(samples: pl.LazyFrame, start_ms: int | None, end_ms: int | None) -> pl.LazyFrame:
    """The samples with start ≤ time < end."""
    milliseconds = pl.col("time").dt.epoch("ms")
    if start_ms is not None:
        samples = samples.filter(milliseconds >= start_ms)
    if end_ms is not None:
        samples = samples.filter(milliseconds < end_ms)
    return samples
