"""The words of the pages: fault codes, severities, qualities, energies. One file, so that they can be translated."""

from typing import Final, NamedTuple

from agent.domain import signals as sg
from agent.domain.faults import FaultCode, Severity


class Words(NamedTuple):
    """A fault in a reader's language: its name, what it means, what to do."""

    label: str
    meaning: str
    advice: str


_C = FaultCode
FAULT_WORDS: Final[dict[str, Words]] = {
    _C.BATTERY_NOT_CHARGING: Words(
        "Battery not charging",
        "The panels give more than the house uses and the battery has room, yet it does not charge.",
        "Check the battery's breaker and its alarm list, then the inverter's charge limits and time windows.",
    ),
    _C.NO_SOLAR_PRODUCTION: Words(
        "No solar production",
        "The sun is high and the panels give nothing.",
        "Check the DC isolator and the inverter's display; then the string fuses.",
    ),
    _C.PV_UNDERPERFORMANCE: Words(
        "Panels below expectation",
        "The panels give clearly less than sun and temperature allow.",
        "Compare the strings; look for shade, dirt or a string that is off.",
    ),
    _C.BATTERY_IMBALANCE_SOC_JUMP: Words(
        "State of charge jumps",
        "The battery's state of charge changes without the energy that it would take.",
        "Let the battery charge to 100 % once to balance; if it jumps again, have the cells measured.",
    ),
    _C.INVERTER_ALARM: Words(
        "Inverter alarm",
        "The inverter reports an alarm or has stopped on a fault.",
        "Read the alarm at the inverter; restart it once when the grid is fine.",
    ),
    _C.EXPORT_WHILE_BATTERY_COULD_CHARGE: Words(
        "Exporting past the battery",
        "Surplus goes to the grid although the battery has room.",
        "Check the inverter's storage mode and the position of the grid meter.",
    ),
    _C.SIGN_OR_SCALE_ERROR: Words(
        "Powers do not balance",
        "What comes in and what goes out differ: a reversed clamp, a wrong sign or a wrong factor.",
        "Check the direction of each current clamp and the meter's ratio in the profile.",
    ),
    _C.NO_HEAT: Words(
        "No heat",
        "The pump runs in the heating season and the flow stays cold.",
        "Check the boiler for a lockout, its fuel or gas, and the mixing valve.",
    ),
    _C.SHORT_CYCLING: Words(
        "Burner starts too often",
        "The burner starts and stops far more often than it should.",
        "Lower the boiler's minimum power or raise its hysteresis; check the water flow.",
    ),
    _C.HUNTING: Words(
        "Flow temperature swings",
        "The flow temperature swings around its set point and does not settle.",
        "Check the mixing valve's actuator and the controller's gain.",
    ),
    _C.FLAT_HEATING_CURVE: Words(
        "Heating ignores the weather",
        "The flow temperature does not follow the temperature outside.",
        "Check the heating curve's slope and that weather compensation is on.",
    ),
    _C.ROOM_SENSOR_STUCK: Words(
        "Room sensor stuck",
        "The room temperature has not moved for a long time.",
        "Check the room sensor's wiring or its battery.",
    ),
    _C.SENSORS_SWAPPED: Words(
        "Flow and return swapped",
        "The return is warmer than the flow while heat is made.",
        "Swap the two sensors, or their names in the profile.",
    ),
    _C.OUTDOOR_SENSOR_IMPLAUSIBLE: Words(
        "Outdoor sensor implausible",
        "The outdoor temperature cannot be true for this place and time.",
        "Check the sensor's wiring and that it is out of the sun.",
    ),
    _C.ROOM_TOO_COLD: Words(
        "Room too cold",
        "The room stays well below what was asked for.",
        "Check the flow temperature, the room's valves and the set point.",
    ),
    _C.LOW_WATER_PRESSURE: Words(
        "Low water pressure",
        "The heating circuit lacks water.",
        "Refill the circuit and look for a leak or a flat expansion vessel.",
    ),
    _C.BOILER_LOCKOUT: Words(
        "Boiler locked out",
        "The boiler has locked out and will not start by itself.",
        "Read the fault at the boiler, remove its cause, then reset it.",
    ),
    _C.GAP: Words("Samples missing", "The device sent no data for a while.", "Check its power supply and the link."),
    _C.STUCK_VALUE: Words(
        "A value stands still",
        "A value repeats itself that should move.",
        "Restart the measuring device; check the bus.",
    ),
    _C.OUT_OF_RANGE: Words(
        "A value is impossible",
        "A value lies outside what is physically possible.",
        "Check the sensor and the scale in the profile.",
    ),
    _C.CLOCK_ERROR: Words(
        "Clock was wrong", "The device's clock was wrong.", "Check its time server and its clock's battery."
    ),
    _C.DEVICE_UNREACHABLE: Words(
        "Equipment does not answer",
        "The agent runs, the equipment behind it does not answer.",
        "Check its power, the bus cable and its address.",
    ),
    _C.UNUSUAL_BEHAVIOUR: Words(
        "Unusual behaviour",
        "The site behaves unlike its own past.",
        "Look at the signals named in the evidence.",
    ),
}

SEVERITY_WORDS: Final[dict[str, str]] = {
    Severity.CRITICAL: "critical",
    Severity.WARNING: "warning",
    Severity.INFO: "information",
}
STATE_WORDS: Final[dict[str, str]] = {
    "online": "online",
    "offline": "offline",
    "silent": "silent",
    "never": "no status yet",
}
_RANKS: Final[dict[str, int]] = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
NO_FAULT_RANK: Final = 9

SIGNAL_WORDS: Final[dict[str, str]] = {
    sg.PV_POWER: "Solar",
    sg.LOAD_POWER: "House",
    sg.BATTERY_POWER: "Battery (+ charging)",
    sg.GRID_POWER: "Grid (+ import)",
    sg.BATTERY_SOC: "State of charge",
    sg.OUTDOOR_TEMPERATURE: "Outdoors",
    sg.ROOM_TEMPERATURE: "Room",
    sg.FLOW_TEMPERATURE: "Flow",
    sg.RETURN_TEMPERATURE: "Return",
    sg.DHW_TEMPERATURE: "Hot water",
    sg.BURNER_ON: "Burner running",
    sg.PUMP_ON: "Pump running",
}

ENERGY_WORDS: Final[dict[str, str]] = {
    sg.PV_ENERGY_TOTAL: "Generated",
    sg.LOAD_ENERGY_TOTAL: "Consumed",
    sg.GRID_IMPORT_TOTAL: "From the grid",
    sg.GRID_EXPORT_TOTAL: "To the grid",
    sg.BATTERY_CHARGE_TOTAL: "Into the battery",
    sg.BATTERY_DISCHARGE_TOTAL: "Out of the battery",
}


class Told(NamedTuple):
    """A number of the evidence that is no signal: its name and unit."""

    label: str
    unit: str


EVIDENCE_WORDS: Final[dict[str, Told]] = {
    "produced_wh": Told("Produced meanwhile", "Wh"),
    "missing_minutes": Told("Missing", "min"),
    "stood_hours": Told("Stood for", "h"),
    "by_s": Told("Clock moved by", "s"),
    "difference_w": Told("Difference", "W"),
    "capacity_wh": Told("Capacity", "Wh"),
    "jump": Told("Jump", "%"),
    "could_charge_w": Told("Could charge with", "W"),
    "slope": Told("Flow per degree outdoors", "K"),
    "air_spread": Told("Spread outdoors", "K"),
    "usual": Told("Usual at this hour", "°C"),
    "starts_per_hour": Told("Starts", "an hour"),
    "swing_minutes": Told("Length of a swing", "min"),
    "unchanged_hours": Told("Unchanged for", "h"),
    "longest_before_hours": Told("Longest before", "h"),
    "step": Told("Step", "K"),
    "mean_of_days": Told("Mean of days", "°C"),
    "score": Told("Score", ""),
    "lost_money": Told("Lost money", ""),
}
# What the rules tell of a signal besides its value stands before its name.
EVIDENCE_OF_A_SIGNAL: Final[dict[str, str]] = {
    "worst_": "Worst",
    "expected_": "Expected",
    "factor_of_": "Factor of",
    "by_": "Score of",
}


_ABBREVIATIONS = frozenset({"ac", "dc", "dhw", "pv", "soc"})


def plain(name: str) -> str:
    """A name that has no words of its own, made readable.

    >>> plain("link_restored"), plain("pv_energy_total")
    ('Link restored', 'PV energy total')
    """
    text = " ".join(part.upper() if part in _ABBREVIATIONS else part for part in name.strip("_ ").split("_"))
    return text[:1].upper() + text[1:]


def fault_words(code: str) -> Words:
    """The words of `code`; of a code that this version does not know, the code itself."""
    return FAULT_WORDS.get(code) or Words(plain(code), "This version has no words for this code.", "")


def severity_rank(severity: str) -> int:
    """0 is the most severe. A severity that is not known counts as a warning."""
    return _RANKS.get(severity, 1)


def severity_class(severity: str) -> str:
    """The known severity that `severity` is shown as."""
    return next(name for name, rank in _RANKS.items() if rank == severity_rank(severity))


def signal_words(name: str) -> str:
    """A signal's label; a further circuit keeps its number."""
    if name in SIGNAL_WORDS:
        return SIGNAL_WORDS[name]
    base, _, number = name.rpartition("_")
    if base in SIGNAL_WORDS and number.isdigit():
        return f"{SIGNAL_WORDS[base]} {number}"
    return plain(name)


def evidence_words(name: str) -> str:
    """The label of a number of the evidence.

    >>> evidence_words("produced_wh"), evidence_words("worst_battery_power"), evidence_words("flow_temperature")
    ('Produced meanwhile', 'Worst battery', 'Flow')
    """
    if name in EVIDENCE_WORDS:
        return EVIDENCE_WORDS[name].label
    for before, label in EVIDENCE_OF_A_SIGNAL.items():
        if name.startswith(before):
            return f"{label} {evidence_words(name.removeprefix(before)).lower()}"
    return signal_words(name).partition(" (")[0]


_QUALITY_WORDS: Final[dict[str, str]] = {
    "stale": "the device repeats an old value",
    "missing": "no answer",
    "invalid": "not a possible value",
    "estimated": "estimated",
}


def quality_words(quality: str) -> str:
    """Why a signal has no value."""
    return _QUALITY_WORDS.get(quality.lower()) or plain(quality)
