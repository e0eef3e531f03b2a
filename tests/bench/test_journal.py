"""What the journal writes, by the kernel's own count."""

import os
from pathlib import Path

import pytest

from bench.journal import offline, wear, written


@pytest.mark.parametrize(("at_risk_s", "most"), [(900.0, 5.0), (300.0, 12.0)])
async def test_a_day_of_eight_signals_spares_the_card(tmp_path: Path, at_risk_s: float, most: float) -> None:
    if not counted(tmp_path):
        pytest.skip("this folder is not on a disk that the kernel counts")
    assert 0 < (await wear(tmp_path, 1, at_risk_s))["mib_a_day"] <= most


def counted(folder: Path) -> bool:
    before = written()
    with (folder / "probe").open("wb") as file:
        file.write(bytes(100_000))
        os.fsync(file.fileno())
    return written() - before >= 100_000


async def test_offline_in_too_little_room_costs_resolution_only(tmp_path: Path) -> None:
    told = await offline(tmp_path, 45, 0.5)
    assert told["others_kept"]
    assert told["windows_kept_of"] == f"{45 * 96} of {45 * 96}"
    assert set(told["windows_by_length"]) == {"86400 s", "3600 s", "900 s"}
    assert told["file_mib"] <= 0.6
