"""Reading the heating export: `IdInterneInstallation,NumInstallation,Ville,IdInterneMesure,LibelleLongMesure,…`.

A row is taken as it stands or put aside with its line number and reason; nothing is guessed. Files are read in blocks,
so that memory does not grow with their size.
"""

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import polars as pl

from agent.domain.errors import BadSetup
from cloud.fleet.labels import Label, find, read_labels

COLUMNS = (
    "IdInterneInstallation",
    "NumInstallation",
    "Ville",
    "IdInterneMesure",
    "LibelleLongMesure",
    "DateEvenement",
    "Valeur",
)
SEPARATORS = ",;\t|"
BLOCK = 64 << 20
TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f")
# Only ever a line's content: this byte cannot stand in a text file's row.
NO_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read. `separator` None: the one that the header uses. Times without zone are in `zone`."""

    labels: list[Label] = field(default_factory=read_labels)
    separator: str | None = None
    encoding: str = "utf-8"
    zone: str = "UTC"
    time_format: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """`good`: installation, city, signal, time (ms, UTC), value. `bad`: line, reason, content. `foreign`: label, rows.

    `done` is the share of the file that was read, 0 to 1; `rows` counts the block's lines.
    """

    good: pl.DataFrame
    bad: pl.DataFrame
    foreign: pl.DataFrame
    rows: int
    done: float


def read(path: Path, how: Reading, *, block: int = BLOCK) -> Iterator[Block]:
    """The file's blocks in order. Raises `BadSetup` where file, header or a setting cannot be used at all."""
    size = max(path.stat().st_size, 1) if path.is_file() else 1
    with opened(path) as (stream, raw):
        line = 1
        try:
            separator, places = _header(path, stream.readline(), how)
            line = 2
            while text := stream.read(block):
                text += stream.readline()
                frame = lines_of(utf8(text, how.encoding), line)
                line += len(frame)
                yield _parse(frame, separator, places, how, min(raw.tell() / size, 1.0))
        except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise BadSetup(str(path), f"damaged after line {line - 1}: {error}") from error


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The text's bytes, unpacked, and the file itself (its position tells progress)."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror}") from error
    with raw:
        magic = raw.read(4)
        raw.seek(0)
        if magic[:2] == b"\x1f\x8b":
            with gzip.open(raw) as stream:
                yield io.BufferedReader(stream), raw
        elif magic == b"PK\x03\x04":
            with zipfile.ZipFile(raw) as archive:
                names = [name for name in archive.namelist() if name.lower().endswith((".csv", ".txt"))]
                if len(names) != 1:
                    raise BadSetup(str(path), f"holds {len(names)} CSV files; expected exactly one")
                with archive.open(names[0]) as stream:
                    yield io.BufferedReader(stream), raw  # type: ignore[arg-type, type-var, unused-ignore]
        else:
            yield raw, raw


def _header(path: Path, head: bytes, how: Reading) -> tuple[str, list[int]]:
    """The separator and where each of our columns stands."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadSetup(str(path), "is UTF-16; expected UTF-8 or a one-byte encoding named with --encoding")
    text = head.decode(how.encoding, errors="replace").removeprefix("\ufeff").rstrip("\r\n")
    separator = how.separator or max(SEPARATORS, key=text.count)
    names = [name.strip() for name in next(csv.reader([text], delimiter=separator), [])]
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise BadSetup(f"{path}, line 1", f"no column {', '.join(missing)}; expected {separator.join(COLUMNS)}")
    return separator, [names.index(column) for column in COLUMNS] + [len(names)]


def utf8(block: bytes, encoding: str) -> bytes:
    """The text as UTF-8; what the encoding does not know becomes the replacement character."""
    if encoding.lower().replace("-", "") in ("utf8", "utf8sig"):
        return block
    return block.decode(encoding, errors="replace").encode()


def lines_of(block: bytes, first: int) -> pl.DataFrame:
    """One row per line of a text: `line`, counted from `first`, and `content`."""
    frame = pl.read_csv(
        io.BytesIO(block),
        has_header=False,
        separator=NO_SEPARATOR,
        quote_char=None,
        infer_schema=False,
        new_columns=["content"],
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
    )
    return frame.with_row_index("line", offset=first).select(
        pl.col("line").cast(pl.Int64), pl.col("content").fill_null("").str.strip_chars_end("\r")
    )


def _parse(lines: pl.DataFrame, separator: str, places: list[int], how: Reading, done: float) -> Block:
    rows = len(lines)
    lines = lines.filter(pl.col("content") != "")  # an empty line holds no row
    table = _split(lines, separator, places)
    table = table.with_columns(time=_time(how), value=_value())
    known = {text: find(how.labels, text) for text in table["label"].drop_nulls().unique().to_list()}
    bad = table.with_columns(reason=_reason()).filter(pl.col("reason").is_not_null())
    good = table.join(bad.select("line"), on="line", how="anti")
    foreign = [text for text, label in known.items() if label is None]
    counted = good.filter(pl.col("label").is_in(foreign)).group_by("label").len("rows")
    found = {text: label for text, label in known.items() if label is not None}
    return Block(
        _mapped(good.filter(pl.col("label").is_in(list(found))), found),
        bad.select("line", "reason", "content"),
        counted,
        rows,
        done,
    )


def _split(lines: pl.DataFrame, separator: str, places: list[int]) -> pl.DataFrame:
    """The wanted columns as text; a line with quotes goes through the CSV rules one by one."""
    *wanted, width = places
    content = pl.col("content")
    quoted = lines.filter(content.str.contains('"', literal=True))
    plain = lines if quoted.is_empty() else lines.join(quoted.select("line"), on="line", how="anti")
    names = ("internal", "installation", "city", "measure", "label", "when", "text")
    parts = plain.select(
        "line",
        "content",
        width=content.str.count_matches(separator, literal=True) + 1,
        part=content.str.split_exact(separator, width - 1),
    )
    fields = [
        pl.col("part").struct.field(f"field_{place}").alias(name) for place, name in zip(wanted, names, strict=True)
    ]
    table = parts.with_columns(whole=pl.col("width") == width).select("line", "content", "whole", *fields)
    if quoted.is_empty():
        return table
    cells = [next(csv.reader([text], delimiter=separator)) for text in quoted["content"]]
    slow = quoted.with_columns(
        pl.Series("whole", [len(row) == width for row in cells]),
        *(
            pl.Series(name, [row[place] if len(row) == width else None for row in cells], dtype=pl.String)
            for place, name in zip(wanted, names, strict=True)
        ),
    )
    return pl.concat([table, slow.select(table.columns)]).sort("line")


def _time(how: Reading) -> pl.Expr:
    when = pl.col("when").str.strip_chars()
    zoned = when.str.ends_with("Z")
    formats = (how.time_format,) if how.time_format else TIME_FORMATS
    bare = when.str.strip_suffix("Z")
    parsed = pl.coalesce(bare.str.to_datetime(each, strict=False, time_unit="ms") for each in formats)
    utc = parsed.dt.replace_time_zone("UTC")
    if how.zone == "UTC":
        return utc
    # An hour that does not exist or exists twice is not guessed: the row is put aside.
    local = parsed.dt.replace_time_zone(how.zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")
    return pl.when(zoned).then(utc).otherwise(local)


def _value() -> pl.Expr:
    """A decimal comma is one only where it is the number's only mark; `1.234,5` stays unread."""
    text = pl.col("text").str.strip_chars()
    comma = text.str.contains(",", literal=True) & ~text.str.contains(".", literal=True)
    number = pl.when(comma).then(text.str.replace(",", ".", literal=True)).otherwise(text)
    return number.cast(pl.Float64, strict=False)


def _reason() -> pl.Expr:
    checks = [
        (~pl.col("whole"), "wrong number of columns"),
        (pl.col("content").str.contains("\ufffd", literal=True), "not in the file's encoding"),
        (pl.col("installation").str.strip_chars() == "", "no NumInstallation"),
        (pl.col("label").str.strip_chars() == "", "no LibelleLongMesure"),
        (pl.col("time").is_null(), "DateEvenement is no date and time (or one that the clock change makes unclear)"),
        (pl.col("value").is_null() | ~pl.col("value").is_finite(), "Valeur is no number"),
    ]
    return pl.coalesce(pl.when(check).then(pl.lit(reason)) for check, reason in checks)


def _mapped(rows: pl.DataFrame, found: dict[str, Label]) -> pl.DataFrame:
    label = pl.col("label")
    signals = {text: str(entry.signal) for text, entry in found.items()}
    value = pl.col("value")
    for text, entry in found.items():
        if entry.scale != 1.0 or entry.offset != 0.0:
            changed = pl.col("value") * entry.scale + entry.offset
            value = pl.when(label == text).then(changed).otherwise(value)
    return rows.select(
        pl.col("installation").str.strip_chars(),
        pl.col("city").str.strip_chars(),
        signal=label.replace_strict(signals, return_dtype=pl.String) if signals else label,
        time="time",
        value=value,
    )
