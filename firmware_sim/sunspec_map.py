"""A home's state as SunSpec registers: base 40000, models 1, 103, 120, 124, 160, 203, then the end.

As on a Fronius GEN24 the MPPT model ends with two inputs of the battery, charging and discharging, both never negative;
`IDStr` tells them from strings. The meter counts import positive. What the house consumes is in no register: it is the
inverter's AC power plus the grid's import.
"""

from dataclasses import dataclass
from typing import Final

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
from firmware_sim.plant import HomeState
from firmware_sim.registers import HOLDING, Image
from firmware_sim.sunspec_layout import (
    COMMON,
    INVERTER_THREE_PHASE,
    METER_THREE_PHASE,
    MPPT_HEAD,
    MPPT_MODULE,
    NAMEPLATE,
    STORAGE,
    Value,
    encoded,
    fitting_scale,
)

BASE: Final = 40000
_MARKER: Final = (0x5375, 0x6E53)
_END: Final = (0xFFFF, 0)

_STATE_WORD: Final = {
    InverterState.OFF: 1,
    InverterState.SLEEPING: 2,
    InverterState.STARTING: 3,
    InverterState.RUNNING: 4,
    InverterState.THROTTLED: 5,
    InverterState.SHUTTING_DOWN: 6,
    InverterState.FAULT: 7,
    InverterState.STANDBY: 8,
}
# Bits of Evt1: 3 DC disconnect, 4 grid disconnect, 7 over temperature, 15 hardware test failure.
_EVENT_BIT: Final = {
    InverterAlarm.GRID: 4,
    InverterAlarm.DC: 3,
    InverterAlarm.TEMPERATURE: 7,
    InverterAlarm.HARDWARE: 15,
}
_CHARGE_OFF, _CHARGE_EMPTY, _DISCHARGING, _CHARGING, _FULL, _HOLDING = range(1, 7)
_PHASE_V: Final = 230.0
_STRING_V: Final = 540.0
_BATTERY_V: Final = 400.0
_IDLE_W: Final = 1.0
_I16: Final = 32_767
_U16: Final = 65_534


@dataclass(frozen=True, slots=True)
class HomePlate:
    """What stands on the home's type plates: W, Wh, and the share of charge that is kept back in %."""

    equipment: Equipment
    ac_limit_w: float
    capacity_wh: float
    charge_limit_w: float
    discharge_limit_w: float
    reserve_percent: float


def home_image(plate: HomePlate, unit_id: int, state: HomeState, broken: frozenset[SignalName]) -> Image:
    """All registers of a home at one instant."""
    models = (
        (1, _common(plate.equipment)),
        (103, _inverter(state, broken)),
        (120, _nameplate(plate)),
        (124, _storage(plate, state, broken)),
        (160, _mppt(state, broken)),
        (203, _meter(state, broken)),
    )
    words = list(_MARKER)
    for number, data in models:
        words += [number, len(data), *data]
    words += _END
    return Image({HOLDING: dict(enumerate(words, BASE))}, unit_ids=frozenset({unit_id}))


def _common(equipment: Equipment) -> list[int]:
    texts: dict[str, Value] = {
        "Mn": equipment.maker,
        "Md": equipment.model,
        "Vr": equipment.firmware,
        "SN": equipment.serial,
        "DA": 1,
    }
    return encoded(COMMON, texts)


def _inverter(state: HomeState, broken: frozenset[SignalName]) -> list[int]:
    flows, ac = state.flows, state.flows.ac_w
    current = abs(ac) / (3 * _PHASE_V)
    values: dict[str, Value] = {
        "A": 3 * current, "AphA": current, "AphB": current, "AphC": current, "A_SF": -2,
        "PhVphA": _PHASE_V, "PhVphB": _PHASE_V + 0.8, "PhVphC": _PHASE_V - 0.6, "V_SF": -1,
        "W": ac, "W_SF": fitting_scale(ac, _I16), "Hz": 50.0, "Hz_SF": -2,
        "VA": abs(ac), "VA_SF": fitting_scale(ac, _I16), "WH": state.stores.ac_wh, "WH_SF": 0,
        "DCW": flows.pv_w, "DCW_SF": fitting_scale(flows.pv_w, _I16),
        "St": _STATE_WORD[flows.state],
    }  # fmt: skip
    if PV_POWER in broken:
        del values["DCW"]
    if state.inverter_known:
        values["Evt1"] = 1 << _EVENT_BIT[flows.alarm] if flows.alarm in _EVENT_BIT else 0
        if INVERTER_TEMPERATURE not in broken:
            values |= {"TmpCab": state.stores.cabinet, "Tmp_SF": -1}
    return encoded(INVERTER_THREE_PHASE, values)


def _nameplate(plate: HomePlate) -> list[int]:
    values: dict[str, Value] = {
        "DERTyp": 82,
        "WRtg": plate.ac_limit_w, "WRtg_SF": 1,
        "WHRtg": plate.capacity_wh, "WHRtg_SF": 1,
        "MaxChaRte": plate.charge_limit_w, "MaxChaRte_SF": 1,
        "MaxDisChaRte": plate.discharge_limit_w, "MaxDisChaRte_SF": 1,
    }  # fmt: skip
    return encoded(NAMEPLATE, values)


def _storage(plate: HomePlate, state: HomeState, broken: frozenset[SignalName]) -> list[int]:
    values: dict[str, Value] = {
        "WChaMax": plate.charge_limit_w, "WChaMax_SF": 1,
        "StorCtl_Mod": 0,
        "MinRsvPct": plate.reserve_percent, "MinRsvPct_SF": -2,
        "InBatV": _BATTERY_V * (0.93 + 0.1 * state.soc), "InBatV_SF": -1,
        "ChaSt": _charge_word(plate, state),
        "OutWRte": 100.0, "InWRte": 100.0, "InOutWRte_SF": -2,
        "ChaGriSet": 0,
    }  # fmt: skip
    if BATTERY_SOC not in broken:
        values |= {"ChaState": state.soc * 100.0, "ChaState_SF": -2}
    return encoded(STORAGE, values)


def _charge_word(plate: HomePlate, state: HomeState) -> int:
    if state.flows.battery_w > _IDLE_W:
        return _CHARGING
    if state.flows.battery_w < -_IDLE_W:
        return _DISCHARGING
    if state.soc >= 0.999:
        return _FULL
    return _CHARGE_EMPTY if state.soc * 100.0 <= plate.reserve_percent + 0.1 else _HOLDING


def _mppt(state: HomeState, broken: frozenset[SignalName]) -> list[int]:
    flows, stores = state.flows, state.stores
    inputs = [
        *(
            (f"String {number}", watts, total, _STRING_V)
            for number, (watts, total) in enumerate(zip(flows.strings_w, stores.strings_wh, strict=True), 1)
        ),
        ("StCha", max(0.0, flows.battery_w), stores.charge_wh, _BATTERY_V),
        ("StDisCha", max(0.0, -flows.battery_w), stores.discharge_wh, _BATTERY_V),
    ]
    # One scale factor serves all inputs, so the largest decides.
    power_scale = fitting_scale(max(watts for _, watts, _, _ in inputs), _U16)
    scales = {"DCA_SF": -2, "DCV_SF": -1, "DCW_SF": power_scale, "DCWH_SF": 0}
    words = encoded(MPPT_HEAD, {**scales, "Evt": 0, "N": len(inputs)})
    for number, (name, watts, total, volts) in enumerate(inputs, 1):
        values: dict[str, Value] = {"ID": number, "IDStr": name, "DCWH": total}
        is_string = number <= len(flows.strings_w)
        if not (is_string and PV_POWER in broken):
            values["DCW"] = watts
        values["DCSt"] = _STATE_WORD[flows.state if watts > 0.0 or not is_string else _resting(flows.state)]
        if watts > 0.0 or not is_string:
            # In the dark a string has no voltage to measure.
            values |= {"DCV": volts, "DCA": watts / volts}
        words += encoded(MPPT_MODULE, values, scales)
    return words


def _resting(state: InverterState) -> InverterState:
    return state if state is InverterState.FAULT else InverterState.SLEEPING


def _meter(state: HomeState, broken: frozenset[SignalName]) -> list[int]:
    grid, stores = state.flows.grid_w, state.stores
    values: dict[str, Value] = {
        "PhV": _PHASE_V, "PhVphA": _PHASE_V, "PhVphB": _PHASE_V + 0.8, "PhVphC": _PHASE_V - 0.6, "V_SF": -1,
        "Hz": 50.0, "Hz_SF": -2,
        "TotWhExp": stores.export_wh, "TotWhImp": stores.import_wh, "TotWh_SF": 0,
        "Evt": 0,
    }  # fmt: skip
    if GRID_POWER not in broken:
        scale = fitting_scale(grid, _I16)
        values |= {"W": grid, "WphA": grid / 3, "WphB": grid / 3, "WphC": grid / 3, "W_SF": scale}
    return encoded(METER_THREE_PHASE, values)
