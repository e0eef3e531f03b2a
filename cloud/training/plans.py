"""What the shipped models look at: a home with panels and battery, and a heating site."""

from typing import Final

from agent.domain.learned_plan import SLOW, Gate, Part, Plan, Size, Target, Term, checked
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    FLOW_TEMPERATURE,
    GRID_POWER,
    INVERTER_TEMPERATURE,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
)

FRAME_S: Final = 900
_ALWAYS: Final = 1.01


def _plan(
    name: str, sizes: list[Size], terms: list[Term], targets: list[tuple[str, str, str, str, str, float]]
) -> Plan:
    """A plan whose targets name their terms: name, y, inputs, gates `term>low`, blamed signals, expectile."""
    place = {term.name: number for number, term in enumerate(terms)}
    made = []
    for title, y, inputs, gates, blames, tau in targets:
        conditions = [gate.split(">") for gate in gates.split()]
        made.append(
            Target(
                title,
                place[y],
                [place[each] for each in inputs.split()],
                [Gate(place[term], float(low), 1e9) for term, low in conditions],
                blames.split(),
                tau=tau,
                side=0 if tau == 0.5 else -1,
                reach=-1 if tau == 0.5 else place["sun_side"],
            )
        )
    signals = sorted({part.signal for term in terms for part in term.parts})
    return checked(Plan(name, FRAME_S, signals, sizes, terms, made))


def _sun_terms() -> list[Term]:
    return [Term(name, context=name) for name in ("sun_height", "sun_east", "sun_north", "sun_side")]


def _calendar_terms() -> list[Term]:
    return [Term(name, context=name) for name in ("hour_sin", "hour_cos", "season_sin", "season_cos")]


def home_plan() -> Plan:
    """Panels, battery, grid and inverter of a home."""
    ac = [Part(PV_POWER), Part(BATTERY_POWER, -1.0)]
    terms = [
        *_sun_terms(),
        *_calendar_terms(),
        Term("pv", [Part(PV_POWER)], by="roof"),
        Term("battery", [Part(BATTERY_POWER)], by="battery", most=1.5),
        Term("battery_before", [Part(BATTERY_POWER, 1.0, 1)], by="battery", most=1.5),
        Term("surplus", [Part(PV_POWER), Part(LOAD_POWER, -1.0)], by="battery", most=2.0),
        Term("soc", [Part(BATTERY_SOC)], offset=50.0, scale=50.0),
        Term("soc_before", [Part(BATTERY_SOC, 1.0, 1)], offset=50.0, scale=50.0),
        Term("soc_rise", [Part(BATTERY_SOC), Part(BATTERY_SOC, -1.0, 1)], scale=5.0),
        Term("load", [Part(LOAD_POWER)], by="roof", most=2.0),
        Term("loss", [Part(PV_POWER), Part(GRID_POWER), Part(LOAD_POWER, -1.0), Part(BATTERY_POWER, -1.0)],
             by="roof", scale=0.1),
        Term("ac", ac, by="roof", most=2.0),
        Term("ac_before", [Part(each.signal, each.weight, 1) for each in ac], by="roof", most=2.0),
        Term("ac_earlier", [Part(each.signal, each.weight, 2) for each in ac], by="roof", most=2.0),
        Term("cabinet", [Part(INVERTER_TEMPERATURE)], offset=25.0, scale=15.0),
    ]  # fmt: skip
    targets = [
        ("panels", "pv", "sun_height sun_east sun_north season_sin season_cos", "sun_height>0.1", PV_POWER, 0.9),
        ("battery", "battery", "surplus soc", "", f"{BATTERY_POWER} {BATTERY_SOC}", 0.5),
        ("charge", "soc_rise", "battery battery_before soc_before", "", f"{BATTERY_SOC} {BATTERY_POWER}", 0.5),
        ("balance", "loss", "pv battery load surplus", "", f"{GRID_POWER} {LOAD_POWER}", 0.5),
        ("inverter", "cabinet", "ac ac_before ac_earlier hour_sin hour_cos season_sin season_cos sun_height", "",
         INVERTER_TEMPERATURE, 0.5),
    ]  # fmt: skip
    return _plan("home", [Size("roof", PV_POWER, True), Size("battery", BATTERY_POWER)], terms, targets)


def heat_plan() -> Plan:
    """Boiler, mixing valve, pump and radiators of a heating site."""
    terms = [
        *_calendar_terms(),
        Term("spread", [Part(FLOW_TEMPERATURE), Part(RETURN_TEMPERATURE, -1.0)], scale=10.0),
        Term("lift", [Part(RETURN_TEMPERATURE), Part(ROOM_TEMPERATURE, -1.0)], scale=20.0),
        Term("warming", [Part(RETURN_TEMPERATURE), Part(RETURN_TEMPERATURE, -1.0, 1)], scale=5.0),
        Term("warming_before", [Part(RETURN_TEMPERATURE, 1.0, 1), Part(RETURN_TEMPERATURE, -1.0, 2)], scale=5.0),
        Term("pump", [Part(PUMP_ON)]),
        Term("pump_before", [Part(PUMP_ON, 1.0, 1)]),
        Term("pump_earlier", [Part(PUMP_ON, 1.0, 3)]),
        Term("pump_day", [Part(PUMP_ON, 1.0, SLOW)]),
        Term("outdoor", [Part(OUTDOOR_TEMPERATURE)], offset=5.0, scale=15.0),
        Term("outdoor_day", [Part(OUTDOOR_TEMPERATURE, 1.0, SLOW)], offset=5.0, scale=15.0),
        Term("room", [Part(ROOM_TEMPERATURE)], offset=20.0, scale=3.0),
        Term("room_day", [Part(ROOM_TEMPERATURE, 1.0, SLOW)], offset=20.0, scale=3.0),
        Term("room_change", [Part(ROOM_TEMPERATURE), Part(ROOM_TEMPERATURE, -1.0, SLOW)], scale=2.0),
        Term("outdoor_change", [Part(OUTDOOR_TEMPERATURE), Part(OUTDOOR_TEMPERATURE, -1.0, SLOW)], scale=10.0),
        Term("flow", [Part(FLOW_TEMPERATURE)], offset=35.0, scale=15.0),
        Term("lift_day", [Part(RETURN_TEMPERATURE, 1.0, SLOW), Part(ROOM_TEMPERATURE, -1.0, SLOW)], scale=20.0),
        Term("cold_day", [Part(ROOM_TEMPERATURE, 1.0, SLOW), Part(OUTDOOR_TEMPERATURE, -1.0, SLOW)], scale=20.0),
    ]
    running = "pump>0.99 pump_before>0.99 pump_earlier>0.99"
    targets = [
        ("circuit", "spread", "lift warming warming_before", running, f"{FLOW_TEMPERATURE} {RETURN_TEMPERATURE}", 0.5),
        ("curve", "flow", "outdoor room room_day hour_sin hour_cos", running,
         f"{FLOW_TEMPERATURE} {OUTDOOR_TEMPERATURE}", 0.5),
        ("house", "lift_day", "cold_day pump_day outdoor_day room_change outdoor_change", "pump_day>0.5",
         f"{RETURN_TEMPERATURE} {ROOM_TEMPERATURE} {OUTDOOR_TEMPERATURE}", 0.5),
    ]  # fmt: skip
    return _plan("heating", [], terms, targets)


PLANS: Final = {"home": home_plan, "heating": heat_plan}
