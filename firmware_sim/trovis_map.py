"""A heating site's state as registers of a Samson TROVIS 5576 controller.

Facts from the TROVIS 557x register lists (vendor numbers 40001… are address + 1): sensors in tenths of °C, 32767 where
a sensor is not fitted or broken, readable ranges with holes between them, and at most 124 words in one read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from agent.domain.signals import Equipment, SignalName
from firmware_sim.boiler import Control
from firmware_sim.families.facts import HeatSets, heat_facts
from firmware_sim.families.rows import Facts
from firmware_sim.plant import HeatState
from firmware_sim.registers import COILS, HOLDING, Image, Spot, SpotKind, tenths, words16

NO_SENSOR: Final = 0x7FFF
MAX_WORDS: Final = 124
RANGES: Final = (
    (0, 6), (9, 40), (98, 154), (159, 166), (200, 214), (299, 319), (999, 1044), (1053, 1071), (1089, 1095),
    (1199, 1243), (1255, 1271), (1455, 1470), (1799, 1812), (1827, 1839), (1855, 1870), (6469, 6498),
)  # fmt: skip
COIL_RANGES: Final = ((0, 120), (999, 1010))
_SENSORS: Final = range(9, 28)
_SENSOR_OF: Final[Mapping[int, str]] = {9: "t_out", 12: "t_flow", 16: "t_return", 19: "t_room", 22: "t_dhw"}
_SWITCH_AUTO: Final = 1
_MODE_DAY, _MODE_NIGHT = 1, 2


@dataclass(frozen=True, slots=True)
class HeatPlate:
    """What the controller knows of itself: `model_id` 5573, 5576 or 5579, the hydraulic scheme in tenths."""

    equipment: Equipment
    model_id: int
    plant_code: int
    control: Control
    zone: ZoneInfo

    def sets(self, power_w: float) -> HeatSets:
        """Set points as the families' tables know them; `power_w` is what the burner makes."""
        control = self.control
        return HeatSets(self.zone, control.flow_max, control.room_day, control.room_night, control.dhw, power_w)


def heat_image(plate: HeatPlate, unit_id: int, state: HeatState, broken: frozenset[SignalName]) -> Image:
    """All registers of a heating site at one instant."""
    return trovis_image(plate, unit_id, state, heat_facts(plate.sets(0.0), state, broken))


def trovis_image(plate: HeatPlate, unit_id: int, state: HeatState, facts: Facts) -> Image:
    """The same with the sensors as `facts` tell them."""
    holding = {address: 0 for first, last in RANGES for address in range(first, last + 1)}
    holding |= dict.fromkeys(_SENSORS, NO_SENSOR)
    holding |= _identity(plate)
    holding |= _sensors(facts)
    holding |= _control(plate, state)
    holding |= _clock(plate.zone, state.at_ms)
    coils = {address: 0 for first, last in COIL_RANGES for address in range(first, last + 1)}
    now = state.now
    coils |= {0: int(now.fault_word != 0), 56: int(now.pump), 59: int(now.tank_charging), 999: 1}
    coils |= {1000: int(_is_day(plate, state)), 1001: int(not _is_day(plate, state))}
    tables = {HOLDING: holding, COILS: coils}
    return Image(tables, max_words=MAX_WORDS, unit_ids=frozenset({unit_id}), spots=_SPOTS)


_SPOTS: Final = tuple(
    Spot(HOLDING, (address,), what, SpotKind.GAUGE, (NO_SENSOR,)) for address, what in _SENSOR_OF.items()
)


def _identity(plate: HeatPlate) -> dict[int, int]:
    firmware = round(float(plate.equipment.firmware) * 100)
    return {0: plate.model_id, 1: plate.plant_code, 2: firmware, 3: 110, 5: int(plate.equipment.serial)}


def _sensors(facts: Facts) -> dict[int, int]:
    values = {address: facts.get(what) for address, what in _SENSOR_OF.items()}
    return {
        address: words16(tenths(value))[0] if isinstance(value, float) else NO_SENSOR
        for address, value in values.items()
    }


def _is_day(plate: HeatPlate, state: HeatState) -> bool:
    return state.now.room_set >= plate.control.room_day


def _control(plate: HeatPlate, state: HeatState) -> dict[int, int]:
    control, now = plate.control, state.now
    return {
        98: tenths(control.flow_max),
        102: _SWITCH_AUTO,
        105: _MODE_DAY if _is_day(plate, state) else _MODE_NIGHT,
        106: round(now.valve_shown * 100),
        149: now.fault_word,
        999: tenths(now.flow_set) if now.heating else 0,
        1002: tenths(control.room_day),
        1003: tenths(control.room_night),
        1799: tenths(control.dhw),
    }


def _clock(zone: ZoneInfo, at_ms: int) -> dict[int, int]:
    local = datetime.fromtimestamp(at_ms / 1000, zone)
    return {99: local.hour * 100 + local.minute, 100: local.day * 100 + local.month, 101: local.year}
