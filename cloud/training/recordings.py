"""Recordings into frames: CSV files as `replay` reads them, or the summaries of a lake."""

import csv
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from agent.domain.errors import BadInput, BadSetup
from cloud.training.sites import Array, SiteFrames

_SUMMARIES: Final = "kind=summaries"
_MOST_FRAMES: Final = 40 * 366 * 96
_Place = tuple[float | None, float | None, str]
_NOWHERE: Final[_Place] = (None, None, "UTC")
_NOTHING: Final = np.array([np.nan])


def sites_from(paths: Sequence[Path], signals: Sequence[str], frame_s: int, places: Path | None) -> list[SiteFrames]:
    """One site per CSV file, or per device of a lake.

    Where a site stands is said in a file of the same name with `[site]` and the ending `.toml`, or in the CSV `places`
    with the columns site, latitude, longitude, timezone. Raises `BadSetup` and `BadInput`.
    """
    known = {} if places is None else dict(_places(places))
    found: list[SiteFrames] = []
    for path in paths:
        if (path / _SUMMARIES).is_dir():
            found += _lake(path, signals, frame_s, known)
        elif path.is_dir():
            found += [_recording(each, signals, frame_s, known) for each in sorted(path.glob("*.csv"))]
        else:
            found.append(_recording(path, signals, frame_s, known))
    kept = [site for site in found if all(np.isfinite(site.signals.get(name, _NOTHING)).any() for name in signals)]
    if not kept:
        raise BadInput(f"none of {len(found)} recordings has all of {', '.join(signals)}")
    return kept


def _places(path: Path) -> Iterator[tuple[str, _Place]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), 2):
                try:
                    yield row["site"], (float(row["latitude"]), float(row["longitude"]), row.get("timezone") or "UTC")
                except (KeyError, ValueError) as error:
                    raise BadInput(
                        f"{path}, line {line}: {error}, expected site, latitude, longitude, timezone"
                    ) from error
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror}") from error


def _place_beside(path: Path) -> _Place:
    beside = path.with_suffix(".toml")
    if not beside.is_file():
        return _NOWHERE
    try:
        site: dict[str, Any] = tomllib.loads(beside.read_text(encoding="utf-8")).get("site", {})
        return float(site["latitude"]), float(site["longitude"]), str(site.get("timezone", "UTC"))
    except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError, OSError) as error:
        raise BadSetup(str(beside), f"{error!r}, expected [site] with latitude, longitude, timezone") from error


def _recording(path: Path, signals: Sequence[str], frame_s: int, known: Mapping[str, _Place]) -> SiteFrames:
    """A CSV with a column `time` and one per signal, in the units of the signals."""
    times, columns = _columns(path, signals)
    return _framed(path.stem, times, columns, frame_s * 1000, known.get(path.stem) or _place_beside(path))


def _columns(path: Path, signals: Sequence[str]) -> tuple[Array, dict[str, Array]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            if "time" not in header:
                raise BadInput(f"{path}, line 1: column time is missing")
            places = {name: header.index(name) for name in signals if name in header}
            when, rows = header.index("time"), []
            for line, row in enumerate(reader, 2):
                try:
                    rows.append((_ms(row[when]), *(float(row[each] or "nan") for each in places.values())))
                except (ValueError, IndexError) as error:
                    raise BadInput(f"{path}, line {line}: {error}") from error
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror}") from error
    if not rows:
        raise BadInput(f"{path}: no rows behind the header")
    table = np.array(rows, dtype=np.float64)
    return table[:, 0], {name: table[:, 1 + number] for number, name in enumerate(places)}


def _ms(text: str) -> float:
    """An instant in ISO 8601 with an offset, or in seconds since 1970."""
    try:
        return float(text) * 1000.0
    except ValueError:
        instant = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    if instant.tzinfo is None:
        raise ValueError(f"time {text!r} has no offset, expected Z or +hh:mm")
    return instant.astimezone(UTC).timestamp() * 1000.0


def _framed(name: str, times: Array, columns: Mapping[str, Array], frame_ms: int, place: _Place) -> SiteFrames:
    """Means over frames; a frame with no more than half of its usual samples is missing."""
    frames = (times // frame_ms).astype(np.int64)
    first, length = int(frames.min()), int(frames.max() - frames.min()) + 1
    if length > _MOST_FRAMES:
        raise BadInput(f"{name}: from {times.min():.0f} to {times.max():.0f} ms is too long, expected 40 years at most")
    signals: dict[str, Array] = {}
    for signal, values in columns.items():
        known = np.isfinite(values)
        count = np.bincount(frames[known] - first, minlength=length)
        total = np.bincount(frames[known] - first, weights=values[known], minlength=length)
        enough = count >= 0.5 * max(1, int(count.max(initial=0)))
        signals[signal] = np.where(enough, total / np.maximum(count, 1), np.nan)
    return SiteFrames(name, first * frame_ms, frame_ms, *place, signals)


def _lake(path: Path, signals: Sequence[str], frame_s: int, known: Mapping[str, _Place]) -> list[SiteFrames]:
    """One site per device of a lake's summaries, whose windows are no longer than a frame."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    columns = ["device", "signal", "time", "mean"]
    data = ds.dataset(str(path / _SUMMARIES), format="parquet")
    wanted = pc.field("signal").isin(list(signals)) & (pc.field("window_s") <= frame_s) & (pc.field("n") > 0)
    table = data.to_table(columns=columns, filter=wanted)
    device, signal = (np.array(table.column(name).to_pylist(), dtype=object) for name in ("device", "signal"))
    times = table.column("time").cast("int64").to_numpy().astype(np.float64)
    mean = table.column("mean").to_numpy().astype(np.float64)
    found = []
    for name in sorted(set(device)):
        here = device == name
        moments = np.unique(times[here])
        series = {}
        for each in signals:
            mine = here & (signal == each)
            values = np.full(len(moments), np.nan)
            values[np.searchsorted(moments, times[mine])] = mean[mine]
            series[each] = values
        found.append(_framed(str(name), moments, series, frame_s * 1000, known.get(str(name), _NOWHERE)))
    return found
