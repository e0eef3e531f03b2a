"""Reading homes from a wide CSV: `installation,time` and one column per signal, in the vocabulary's units.

A cell that is empty has no value; a cell that is no number, or a time that is none, puts its line aside.
"""

import csv
from pathlib import Path

import polars as pl

from agent.domain.errors import BadSetup
from agent.domain.signals import spec_of
from cloud.fleet.export_file import BLOCK, SEPARATORS, TIME_FORMATS, Reading, lines_of, opened, utf8
from cloud.fleet.samples import Source

KEYS = ("installation", "time")
CITY = "city"


def read(path: Path, how: Reading) -> Source:
    """The file's samples in long form. Raises `BadSetup` where its header cannot be used."""
    good: list[pl.DataFrame] = []
    bad: list[pl.DataFrame] = []
    cities: dict[str, str] = {}
    with opened(path) as (stream, _):
        names, separator = _header(path, stream.readline(), how)
        first = 2
        while text := stream.read(BLOCK):
            lines = lines_of(utf8(text + stream.readline(), how.encoding), first)
            first += len(lines)
            table = _parsed(lines, names, separator, how)
            wrong = pl.any_horizontal(pl.col("^bad_.*$"))
            bad.append(table.filter(wrong).select("line", _reason(names), "content"))
            kept = table.filter(~wrong)
            good.append(_long(kept, names))
            if CITY in names:
                cities |= dict(kept.select("installation", CITY).unique("installation").iter_rows())
    return Source(
        pl.concat(good).lazy() if good else _long(_empty(names), names).lazy(),
        cities,
        pl.concat(bad or [pl.DataFrame()]),
    )


def is_wide(path: Path) -> bool:
    """Whether a CSV's header names an installation and a time."""
    with opened(path) as (stream, _):
        head = stream.readline().decode("utf-8", errors="replace").removeprefix("\ufeff").strip()
    return any({"installation", "time"} <= set(head.split(separator)) for separator in SEPARATORS)


def _header(path: Path, head: bytes, how: Reading) -> tuple[list[str], str]:
    text = head.decode(how.encoding, errors="replace").removeprefix("\ufeff").rstrip("\r\n")
    separator = how.separator or max(SEPARATORS, key=text.count)
    names = [name.strip() for name in next(csv.reader([text], delimiter=separator), [])]
    missing = [key for key in KEYS if key not in names]
    if missing or not any(spec_of(name) for name in names):
        raise BadSetup(f"{path}, line 1", f"{text!r}: expected installation, time and columns named like the signals")
    return names, separator


def _parsed(lines: pl.DataFrame, names: list[str], separator: str, how: Reading) -> pl.DataFrame:
    content = pl.col("content")
    lines = lines.filter(content != "")
    parts = lines.select(
        "line",
        "content",
        bad_width=content.str.count_matches(separator, literal=True) + 1 != len(names),
        part=content.str.split_exact(separator, len(names) - 1),
    )
    cells = [
        pl.col("part").struct.field(f"field_{place}").str.strip_chars().alias(name) for place, name in enumerate(names)
    ]
    table = parts.select("line", "content", "bad_width", *cells)
    when = pl.col("time").str.strip_suffix("Z").str.strip_suffix("+00:00")
    formats = (how.time_format,) if how.time_format else TIME_FORMATS
    parsed = pl.coalesce(when.str.to_datetime(each, strict=False, time_unit="ms") for each in formats)
    values = [name for name in names if spec_of(name)]
    numbers = [_number(name) for name in values]
    return table.with_columns(
        *numbers,
        *(((pl.col(name) != "") & _number(name).is_null()).fill_null(False).alias(f"bad_{name}") for name in values),
        time=parsed.dt.replace_time_zone(how.zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC"),
        bad_installation=(pl.col("installation") == "").fill_null(True),
    ).with_columns(bad_time=pl.col("time").is_null())


def _number(name: str) -> pl.Expr:
    text = pl.col(name)
    comma = text.str.contains(",", literal=True) & ~text.str.contains(".", literal=True)
    return pl.when(comma).then(text.str.replace(",", ".", literal=True)).otherwise(text).cast(pl.Float64, strict=False)


def _reason(names: list[str]) -> pl.Expr:
    checks = ["bad_width", "bad_time", "bad_installation", *(f"bad_{name}" for name in names if spec_of(name))]
    words = {"bad_width": "wrong number of columns", "bad_time": "time is no date and time"}
    return pl.coalesce(
        pl.when(pl.col(check)).then(pl.lit(words.get(check, f"{check.removeprefix('bad_')} is no number")))
        for check in checks
    ).alias("reason")


def _long(table: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    values = [name for name in names if spec_of(name)]
    long = table.unpivot(values, index=["installation", "time"], variable_name="signal", value_name="value")
    return long.drop_nulls("value").select("installation", "signal", "time", "value")


def _empty(names: list[str]) -> pl.DataFrame:
    keys = pl.DataFrame(schema={"installation": pl.String, "time": pl.Datetime("ms", "UTC")})
    return keys.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in names if spec_of(name))
