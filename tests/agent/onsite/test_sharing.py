"""One signal from one device: which, a person says."""

import pytest

from agent.domain.errors import BadSetup
from agent.domain.signals import BATTERY_POWER, GRID_IMPORT_TOTAL, GRID_POWER, PV_POWER
from agent.onsite.bench import SourcePlan
from agent.onsite.sharing import Overlap, shared_out
from tests.helpers.onsite_bench import PlainBench

INVERTER, METER = SourcePlan({"name": "inverter"}), SourcePlan({"name": "meter"})


def bench() -> PlainBench:
    return PlainBench(
        gives={"inverter": (PV_POWER, BATTERY_POWER, GRID_POWER), "meter": (GRID_POWER, GRID_IMPORT_TOTAL)}
    )


def test_nothing_is_asked_where_nothing_is_given_twice() -> None:
    lonely = PlainBench(gives={"inverter": (PV_POWER,), "meter": (GRID_POWER,)})
    assert shared_out(lonely, (INVERTER,), METER, None) == (INVERTER, METER)


def test_what_two_give_is_asked_for() -> None:
    with pytest.raises(Overlap, match="gives grid_power as inverter does") as caught:
        shared_out(bench(), (INVERTER,), METER, None)
    assert (caught.value.names, caught.value.others) == ((GRID_POWER,), "inverter")


def test_the_new_one_or_the_old_one_counts() -> None:
    inverter, meter = shared_out(bench(), (INVERTER,), METER, "new")
    assert inverter.table["signals"] == [BATTERY_POWER, PV_POWER]
    assert meter == METER
    inverter, meter = shared_out(bench(), (INVERTER,), METER, "old")
    assert inverter == INVERTER
    assert meter.table["signals"] == [GRID_IMPORT_TOTAL]


def test_a_device_that_would_give_nothing_is_refused() -> None:
    same = PlainBench(gives={"inverter": (GRID_POWER,), "meter": (GRID_POWER,)})
    for prefer in ("new", "old"):
        with pytest.raises(BadSetup, match="would give nothing"):
            shared_out(same, (INVERTER,), METER, prefer)  # type: ignore[arg-type]
