"""Images decoded by pysunspec2, the SunSpec Alliance's own reader, without a socket: it reads from the image."""

from typing import Any

import pytest
import sunspec2.modbus.client as sunspec_client
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.signals import (
    BATTERY_SOC,
    GRID_POWER,
    INVERTER_TEMPERATURE,
    PV_POWER,
    Equipment,
    InverterAlarm,
    InverterState,
    SignalName,
)
from firmware_sim.home import Flows, Stores
from firmware_sim.plant import HomeState
from firmware_sim.registers import HOLDING
from firmware_sim.sunspec_map import BASE, HomePlate, home_image

PLATE = HomePlate(Equipment("Fronius", "Symo GEN24 10.0", "34119482", "1.34.6-1"), 10_000, 11_000, 6000, 5000, 5.0)


def state(
    strings: tuple[float, ...] = (3000.0, 1500.0), load: float = 900.0, battery: float = 2000.0, soc: float = 0.5,
    status: InverterState = InverterState.RUNNING, alarm: InverterAlarm = InverterAlarm.NONE, known: bool = True,
) -> HomeState:  # fmt: skip
    ac = (sum(strings) - battery) * 0.97
    flows = Flows(strings, load, battery, load - ac, ac, status, alarm)
    stores = Stores(5500.0, tuple(1e6 for _ in strings), 3e5, 2.5e5, 2e5, 4e5, 1.9e6, 41.26)
    return HomeState(0, flows, stores, soc, known)


class ImageDevice(sunspec_client.SunSpecModbusClientDevice):  # type: ignore[misc]
    """pysunspec2's device that reads from an image instead of a socket."""

    def __init__(self, words: dict[int, int]) -> None:
        super().__init__()
        self.words = words

    def read(self, addr: int, count: int) -> bytes:
        return b"".join(self.words[address].to_bytes(2, "big") for address in range(addr, addr + count))

    def connect(self) -> None:
        pass

    def disconnect(self) -> None:
        pass

    def close(self) -> None:
        pass


def decoded(home: HomeState, broken: frozenset[SignalName] = frozenset()) -> Any:
    device = ImageDevice(dict(home_image(PLATE, 1, home, broken).tables[HOLDING]))
    device.scan(connect=False)
    return device


def value(model: Any, name: str) -> Any:
    return model.points[name].cvalue


def test_the_chain_begins_with_its_marker_and_ends() -> None:
    words = home_image(PLATE, 1, state(), frozenset()).tables[HOLDING]
    assert (words[BASE], words[BASE + 1]) == (0x5375, 0x6E53)
    assert words[max(words) - 1] == 0xFFFF
    assert words[max(words)] == 0
    assert sorted(words) == list(range(BASE, max(words) + 1))
    assert [number for number in decoded(state()).models if isinstance(number, int)] == [1, 103, 120, 124, 160, 203]


def test_the_type_plate() -> None:
    common = decoded(state()).models[1][0]
    assert [value(common, name) for name in ("Mn", "Md", "SN", "Vr")] == [
        "Fronius", "Symo GEN24 10.0", "34119482", "1.34.6-1",
    ]  # fmt: skip
    assert value(common, "Opt") in (None, "")
    nameplate = decoded(state()).models[120][0]
    assert (value(nameplate, "WRtg"), value(nameplate, "WHRtg"), value(nameplate, "MaxChaRte")) == (
        10_000,
        11_000,
        6000,
    )


@given(st.tuples(st.floats(0, 9000), st.floats(0, 9000)), st.floats(0, 20_000), st.floats(-6000, 6000), st.floats(0, 1))
def test_powers_come_out_as_they_went_in(strings: tuple[float, float], load: float, battery: float, soc: float) -> None:
    home = state(strings, load, min(battery, sum(strings)), soc)
    device, flows = decoded(home), home.flows
    inverter, meter, mppt = device.models[103][0], device.models[203][0], device.models[160][0]
    assert value(inverter, "W") == pytest.approx(flows.ac_w, abs=0.6)
    assert value(inverter, "DCW") == pytest.approx(flows.pv_w, abs=0.6)
    assert value(meter, "W") == pytest.approx(flows.grid_w, abs=0.6)
    modules = mppt.groups["module"]
    assert sum(module.points["DCW"].cvalue for module in modules[:2]) == pytest.approx(flows.pv_w, abs=1.2)
    charging, discharging = (module.points["DCW"].cvalue for module in modules[2:])
    assert charging >= 0
    assert discharging >= 0
    assert charging - discharging == pytest.approx(flows.battery_w, abs=0.6)
    assert value(device.models[124][0], "ChaState") == pytest.approx(100 * soc, abs=0.006)
    # The house, as a reader has to work it out.
    assert value(inverter, "W") + value(meter, "W") == pytest.approx(load, abs=1.2)


def test_the_scale_factor_moves_with_the_power() -> None:
    small, large = decoded(state((1000.0, 500.0))), decoded(state((6000.0, 5000.0)))
    assert small.models[103][0].points["W_SF"].value == -1
    assert large.models[103][0].points["W_SF"].value == 0
    assert small.models[160][0].points["DCW_SF"].value == -1


def test_battery_inputs_are_told_from_strings() -> None:
    modules = decoded(state()).models[160][0].groups["module"]
    assert [module.points["IDStr"].value for module in modules] == ["String 1", "String 2", "StCha", "StDisCha"]
    one = decoded(state(strings=(3000.0,))).models[160][0].groups["module"]
    assert [module.points["IDStr"].value for module in one] == ["String 1", "StCha", "StDisCha"]


def test_counters() -> None:
    device = decoded(state())
    assert value(device.models[103][0], "WH") == 1_900_000
    assert value(device.models[203][0], "TotWhImp") == 200_000
    assert value(device.models[203][0], "TotWhExp") == 400_000
    assert [m.points["DCWH"].cvalue for m in device.models[160][0].groups["module"]] == [1e6, 1e6, 3e5, 2.5e5]


@pytest.mark.parametrize(
    ("alarm", "bit"),
    [(InverterAlarm.GRID, 4), (InverterAlarm.DC, 3), (InverterAlarm.TEMPERATURE, 7), (InverterAlarm.HARDWARE, 15)],
)
def test_an_alarm_is_a_state_and_a_bit(alarm: InverterAlarm, bit: int) -> None:
    inverter = decoded(state(status=InverterState.FAULT, alarm=alarm)).models[103][0]
    assert inverter.points["St"].value == 7
    assert inverter.points["Evt1"].value == 1 << bit


def test_a_healthy_inverter_says_zero_not_nothing() -> None:
    inverter = decoded(state()).models[103][0]
    assert inverter.points["Evt1"].value == 0
    assert value(inverter, "TmpCab") == pytest.approx(41.3)


def test_at_night_a_string_has_power_zero_and_no_voltage() -> None:
    night = decoded(state(strings=(0.0, 0.0), battery=-900.0)).models[160][0].groups["module"]
    assert [module.points["DCW"].value for module in night[:2]] == [0, 0]
    assert [module.points["DCV"].value for module in night[:2]] == [None, None]
    assert [module.points["DCSt"].value for module in night[:2]] == [2, 2]


def test_a_recording_does_not_pretend_to_know_the_inverter() -> None:
    inverter = decoded(state(known=False)).models[103][0]
    assert inverter.points["TmpCab"].value is None
    assert inverter.points["Evt1"].value is None


@pytest.mark.parametrize(
    ("soc", "battery", "word"), [(0.5, 900, 4), (0.5, -900, 3), (1.0, 0, 5), (0.05, 0, 2), (0.5, 0, 6)]
)
def test_the_battery_s_word(soc: float, battery: float, word: int) -> None:
    assert decoded(state(battery=battery, soc=soc)).models[124][0].points["ChaSt"].value == word


def test_a_broken_sensor_is_not_implemented_for_a_while() -> None:
    device = decoded(state(), frozenset({BATTERY_SOC, GRID_POWER, PV_POWER, INVERTER_TEMPERATURE}))
    assert device.models[124][0].points["ChaState"].value is None
    assert device.models[203][0].points["W"].value is None
    assert device.models[103][0].points["DCW"].value is None
    assert device.models[103][0].points["TmpCab"].value is None
    assert [m.points["DCW"].value for m in device.models[160][0].groups["module"][:2]] == [None, None]
