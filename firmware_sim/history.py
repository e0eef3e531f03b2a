"""Writes a site's past as a CSV: `time` in UTC and one column per signal, an empty cell where there is no value.

While the device does not answer its row is empty, as in the notes of somebody who asked it every minute.
"""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from firmware_sim.clock import instant_text
from firmware_sim.errors import BadArgument
from firmware_sim.observation import shown
from firmware_sim.site import Site


class RowWriter(Protocol):
    """What `csv.writer` returns."""

    def writerow(self, row: Iterable[object], /) -> object: ...


def write_history(
    site: Site, until_ms: int, step_ms: int, path: Path, progress: Callable[[float], None] | None = None
) -> int:
    """Rows from the site's origin up to but not including `until_ms`; returns how many.

    The file appears under its name only when it is complete. `progress` is told the share done, about 100 times.
    """
    if path.is_dir():
        raise BadArgument(f"--out {path}: is a folder, expected a file")
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            rows = _write(site, until_ms, step_ms, csv.writer(file, lineterminator="\n"), progress)
        draft.replace(path)
    except OSError as error:
        raise BadArgument(f"--out {path}: cannot be written: {error.strerror}") from error
    return rows


def _write(site: Site, until_ms: int, step_ms: int, table: RowWriter, progress: Callable[[float], None] | None) -> int:
    table.writerow(["time", *site.signals])
    rows, span = 0, max(1, until_ms - site.origin_ms)
    next_share = 0.0
    for at_ms in range(site.origin_ms, until_ms, step_ms):
        seen = site.observe(at_ms)
        told = {} if seen is None else seen
        table.writerow(
            [instant_text(at_ms), *(shown(name, told[name]) if name in told else "" for name in site.signals)]
        )
        rows += 1
        share = (at_ms - site.origin_ms) / span
        if progress is not None and share >= next_share:
            progress(share)
            next_share = share + 0.01
    return rows
