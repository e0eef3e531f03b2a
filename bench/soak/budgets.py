"""What a device may cost: bytes on the line, bytes to the disk, a year without a line in 64 MiB."""

import asyncio
import os
from pathlib import Path
from typing import Final

from agent.config import JournalTable
from bench import wire
from bench.journal import offline, wear, written
from bench.soak.case import Context, Outcome, Skipped, require

_WIRE_BYTES: Final = 8 * 1024
_WEAR: Final = ((900.0, 5.0), (300.0, 12.0))
_DAY: Final = "86400 s"


def on_the_line(context: Context) -> Outcome:
    """Eight signals, MQTT in both directions, twin and one connection a day."""
    days = 2 if context.short else 7
    total = wire.measure(days)["total"]
    require(total <= _WIRE_BYTES, f"{total} bytes a day, at most {_WIRE_BYTES} allowed")
    return Outcome(f"{days} days", f"{total:,} of {_WIRE_BYTES:,} bytes a day, everything included but TLS and TCP/IP")


def on_the_disk(context: Context) -> Outcome:
    """The kernel's own count, with 15 and with 5 minutes of plain samples at risk."""
    _needs_a_disk(context.folder)
    days, told = 1 if context.short else 3, []
    for at_risk_s, most in _WEAR:
        mib = asyncio.run(wear(context.folder, days, at_risk_s))["mib_a_day"]
        require(0 < mib <= most, f"{mib} MiB a day with {at_risk_s / 60:.0f} min at risk, at most {most:g} allowed")
        told.append(f"{mib:.2f} of {most:g} MiB a day with {at_risk_s / 60:.0f} min of plain samples at risk")
    return Outcome(f"{days} days each", "; ".join(told))


def a_year(context: Context) -> Outcome:
    """Nothing is ever acknowledged: in the shipped budget, and in one far too small."""
    days = 60 if context.short else 365
    budget_mib = JournalTable().budget_mib
    whole = asyncio.run(offline(context.folder, days, budget_mib))
    tight = asyncio.run(offline(context.folder, days, 4.0 * days / 365))
    require(whole["file_mib"] <= budget_mib, f"{whole['file_mib']} MiB, at most {budget_mib} allowed")
    for told in (whole, tight):
        require(told["others_kept"], f"in {told['budget_mib']:.1f} MiB a fault, counter, state or event is gone")
        kept, made = told["windows_kept_of"].split(" of ")
        require(kept == made, f"{kept} windows of {made} are accounted for")
        require(told["windows_by_length"].keys() <= {"900 s", "3600 s", _DAY}, str(told["windows_by_length"]))
    happened = (
        f"{whole['file_mib']} of {budget_mib:g} MiB with {len(wire.EIGHT)} signals, every window still of 15 minutes; "
        f"in {tight['budget_mib']:.1f} MiB the oldest windows are of a day, and all of them, every fault, counter, "
        "reliability state and event are there"
    )
    require(whole["windows_by_length"].keys() == {"900 s"}, str(whole["windows_by_length"]))
    return Outcome(f"{days} days", happened)


def _needs_a_disk(folder: Path) -> None:
    before = written()
    with (folder / "probe").open("wb") as file:
        file.write(bytes(100_000))
        os.fsync(file.fileno())
    if written() - before < 100_000:
        raise Skipped("this folder is not on a disk that the kernel counts")
