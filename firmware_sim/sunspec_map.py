"""A home's facts as SunSpec registers: base 40000, models 1, 103, 120, 124, 160, 203, then the end.

As on a Fronius GEN24 the MPPT model ends with two inputs of the battery, charging and discharging, both never negative;
`IDStr` tells them from strings. The meter counts import positive. What the house consumes is in no register: it is the
inverter's AC power plus the grid's import.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.domain.signals import Equipment, InverterAlarm, InverterState, SignalName
from firmware_sim.families.facts import Ratings, home_facts
from firmware_sim.families.rows import Fact, Facts
from firmware_sim.plant import HomeState
from firmware_sim.registers import HOLDING, Image, Spot
from firmware_sim.sunspec_layout import (
    COMMON,
    INVERTER_THREE_PHASE,
    METER_THREE_PHASE,
    MPPT_HEAD,
    MPPT_MODULE,
    NAMEPLATE,
    STORAGE,
    Point,
    Value,
    encoded,
    fitting_scale,
    spots_of,
)

BASE: Final = 40000
_MARKER: Final = (0x5375, 0x6E53)
_END: Final = (0xFFFF, 0)

_STATE_WORD: Final[Mapping[str, int]] = {
    InverterState.OFF.name.lower(): 1,
    InverterState.SLEEPING.name.lower(): 2,
    InverterState.STARTING.name.lower(): 3,
    InverterState.RUNNING.name.lower(): 4,
    InverterState.THROTTLED.name.lower(): 5,
    InverterState.SHUTTING_DOWN.name.lower(): 6,
    InverterState.FAULT.name.lower(): 7,
    InverterState.STANDBY.name.lower(): 8,
}
# Bits of Evt1: 3 DC disconnect, 4 grid disconnect, 7 over temperature, 15 hardware test failure.
_EVENT_BIT: Final[Mapping[str, int]] = {
    InverterAlarm.GRID.name.lower(): 4,
    InverterAlarm.DC.name.lower(): 3,
    InverterAlarm.TEMPERATURE.name.lower(): 7,
    InverterAlarm.HARDWARE.name.lower(): 15,
}
_CHARGE_OFF, _CHARGE_EMPTY, _DISCHARGING, _CHARGING, _FULL, _HOLDING = range(1, 7)
_PHASE_V: Final = 230.0
_STRING_V: Final = 540.0
_BATTERY_V: Final = 400.0
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

    def ratings(self, battery_v: float = _BATTERY_V) -> Ratings:
        """The same without the names."""
        return Ratings(
            self.ac_limit_w, self.capacity_wh, self.charge_limit_w, self.discharge_limit_w, self.reserve_percent,
            battery_v,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Model:
    """One model of a chain: its number, its words, and where its values stand counted from its first word."""

    number: int
    words: Sequence[int]
    spots: Sequence[Spot]


@dataclass(frozen=True, slots=True)
class Chain:
    """Words and spots of a whole chain from `BASE` on."""

    words: Mapping[int, int]
    spots: tuple[Spot, ...]


def home_image(plate: HomePlate, unit_id: int, state: HomeState, broken: frozenset[SignalName]) -> Image:
    """All registers of a home at one instant."""
    return whole_image(plate.equipment, unit_id, home_facts(plate.ratings(), state, broken))


def whole_image(equipment: Equipment, unit_id: int, facts: Facts, step: int = 0) -> Image:
    """Inverter, battery and meter in one chain. `step` moves the scale factors of powers."""
    chain = chained([common(equipment), *hybrid_models(facts, step), meter(facts, step)])
    return Image({HOLDING: chain.words}, unit_ids=frozenset({unit_id}), spots=chain.spots)


def chained(models: Sequence[Model]) -> Chain:
    """Marker, models, end."""
    words, spots = list(_MARKER), []
    for model in models:
        words += [model.number, len(model.words)]
        first = BASE + len(words)
        spots += [spot.moved(first) for spot in model.spots]
        words += model.words
    words += _END
    return Chain(dict(enumerate(words, BASE)), tuple(spots))


def common(equipment: Equipment, padded: bool = True) -> Model:
    """Model 1, of 66 words, or of 65 without the pad."""
    texts: dict[str, Value] = {
        "Mn": equipment.maker,
        "Md": equipment.model,
        "Vr": equipment.firmware,
        "SN": equipment.serial,
        "DA": 1,
    }
    points = COMMON if padded else COMMON[:-1]
    return _model(1, points, texts)


def hybrid_models(facts: Facts, step: int = 0) -> tuple[Model, ...]:
    """Models 103, 120, 124 and 160 of a hybrid inverter."""
    return inverter(facts, step), nameplate(facts), storage(facts), mppt(facts, step)


def _model(number: int, points: tuple[Point, ...], values: Mapping[str, Value | None]) -> Model:
    there = {name: value for name, value in values.items() if value is not None}
    return Model(number, encoded(points, there), spots_of(points))


def _number(facts: Facts, name: str) -> float | None:
    fact = facts.get(name)
    return fact if isinstance(fact, int | float) else None


def _watts(facts: Facts, name: str) -> float:
    return _number(facts, name) or 0.0


def inverter(facts: Facts, step: int = 0, dc: str = "p_pv", warm: str = "TmpCab") -> Model:
    """Model 103. `dc` names the fact that its DC power shows, `warm` the point with its temperature."""
    ac, dcw = _watts(facts, "p_ac"), _number(facts, dc)
    current = abs(ac) / (3 * _PHASE_V)
    values: dict[str, Value | None] = {
        "A": 3 * current, "AphA": current, "AphB": current, "AphC": current, "A_SF": -2,
        "PhVphA": _PHASE_V, "PhVphB": _PHASE_V + 0.8, "PhVphC": _PHASE_V - 0.6, "V_SF": -1,
        "W": ac, "W_SF": fitting_scale(ac, _I16) + step, "Hz": 50.0, "Hz_SF": -2,
        "VA": abs(ac), "VA_SF": fitting_scale(ac, _I16) + step, "WH": _number(facts, "e_ac"), "WH_SF": 0,
        "DCW": dcw, "DCW_SF": fitting_scale(dcw or 0.0, _I16) + step,
        "St": _STATE_WORD[str(facts["state"])], "Evt1": _events(facts),
        warm: _number(facts, "t_inv"), "Tmp_SF": -1,
    }  # fmt: skip
    return _model(103, INVERTER_THREE_PHASE, values)


def _events(facts: Facts) -> int | None:
    alarm = facts.get("alarm")
    if not isinstance(alarm, str):
        return None
    return 1 << _EVENT_BIT[alarm] if alarm in _EVENT_BIT else 0


def nameplate(facts: Facts) -> Model:
    """Model 120."""
    values: dict[str, Value | None] = {
        "DERTyp": 82,
        "WRtg": _number(facts, "rated_w"), "WRtg_SF": 1,
        "WHRtg": _number(facts, "capacity_wh"), "WHRtg_SF": 1,
        "MaxChaRte": _number(facts, "charge_limit_w"), "MaxChaRte_SF": 1,
        "MaxDisChaRte": _number(facts, "discharge_limit_w"), "MaxDisChaRte_SF": 1,
    }  # fmt: skip
    return _model(120, NAMEPLATE, values)


def storage(facts: Facts) -> Model:
    """Model 124."""
    values: dict[str, Value | None] = {
        "WChaMax": _number(facts, "charge_limit_w"), "WChaMax_SF": 1,
        "StorCtl_Mod": 0,
        "MinRsvPct": _number(facts, "reserve_percent"), "MinRsvPct_SF": -2,
        "ChaState": _number(facts, "soc"), "ChaState_SF": -2,
        "InBatV": _number(facts, "v_batt"), "InBatV_SF": -1,
        "ChaSt": _charge_word(facts),
        "OutWRte": 100.0, "InWRte": 100.0, "InOutWRte_SF": -2,
        "ChaGriSet": 0,
    }  # fmt: skip
    return _model(124, STORAGE, values)


def _charge_word(facts: Facts) -> int:
    word, soc = facts["batt_state"], _watts(facts, "soc")
    if word == "holding" and soc <= _watts(facts, "reserve_percent") + 0.1:
        return _CHARGE_EMPTY
    return {"charging": _CHARGING, "discharging": _DISCHARGING, "full": _FULL}.get(str(word), _HOLDING)


def mppt(facts: Facts, step: int = 0) -> Model:
    """Model 160: the strings, then the battery's two inputs."""
    inputs: list[tuple[str, float | None, Fact | None, float]] = []
    strings = sum(1 for name in facts if name.startswith("e_pv_"))
    for number in range(1, strings + 1):
        inputs.append((f"String {number}", _number(facts, f"p_pv_{number}"), facts[f"e_pv_{number}"], _STRING_V))
    for name, power in (("StCha", "p_charge"), ("StDisCha", "p_discharge")):
        inputs.append((name, _watts(facts, power), facts.get("e_" + power[2:]), _BATTERY_V))
    # One scale factor serves all inputs, so the largest decides.
    power_scale = fitting_scale(max(watts or 0.0 for _, watts, _, _ in inputs), _U16) + step
    amps_scale = fitting_scale(max((watts or 0.0) / volts for _, watts, _, volts in inputs), _U16, -2)
    scales = {"DCA_SF": amps_scale, "DCV_SF": -1, "DCW_SF": power_scale, "DCWH_SF": 0}
    words = encoded(MPPT_HEAD, {**scales, "Evt": 0, "N": len(inputs)})
    spots = list(spots_of(MPPT_HEAD))
    for number, (name, watts, total, volts) in enumerate(inputs, 1):
        values: dict[str, Value] = {"ID": number, "IDStr": name}
        if isinstance(total, float):
            values["DCWH"] = total
        if watts is not None:
            values["DCW"] = watts
        is_string = number <= strings
        values["DCSt"] = _input_word(str(facts["state"]), watts or 0.0, is_string)
        if (watts or 0.0) > 0.0 or not is_string:
            # In the dark a string has no voltage to measure.
            values |= {"DCV": volts, "DCA": (watts or 0.0) / volts}
        spots += [spot.moved(len(words)) for spot in spots_of(MPPT_MODULE)]
        words += encoded(MPPT_MODULE, values, scales)
    return Model(160, words, spots)


def _input_word(state: str, watts: float, is_string: bool) -> int:
    resting = InverterState.SLEEPING.name.lower()
    dark = is_string and watts <= 0.0 and state != InverterState.FAULT.name.lower()
    return _STATE_WORD[resting if dark else state]


def meter(facts: Facts, step: int = 0, turned: bool = False) -> Model:
    """Model 203, positive while importing, or `turned` while exporting."""
    sign = -1.0 if turned else 1.0
    values: dict[str, Value | None] = {
        "PhV": _PHASE_V, "PhVphA": _PHASE_V, "PhVphB": _PHASE_V + 0.8, "PhVphC": _PHASE_V - 0.6, "V_SF": -1,
        "Hz": 50.0, "Hz_SF": -2,
        "TotWhExp": _number(facts, "e_export"), "TotWhImp": _number(facts, "e_import"), "TotWh_SF": 0,
        "Evt": 0,
    }  # fmt: skip
    grid = _number(facts, "p_grid")
    if grid is not None:
        phases = [_watts(facts, f"p_grid_l{phase}") for phase in (1, 2, 3)]
        scale = fitting_scale(max(abs(watts) for watts in (grid, *phases)), _I16) + step
        values |= {"W": sign * grid, "W_SF": scale}
        values |= {f"Wph{letter}": sign * watts for letter, watts in zip("ABC", phases, strict=True)}
    return _model(203, METER_THREE_PHASE, values)
