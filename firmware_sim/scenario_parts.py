"""The parts of a site in a scenario file, each read from its own table and checked."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.domain.signals import Equipment
from firmware_sim.battery import Battery
from firmware_sim.boiler import Boiler, Control, HeatParts, House, lightest_radiator
from firmware_sim.fields import Fields
from firmware_sim.home import HomeParts, Inverter
from firmware_sim.load import Household
from firmware_sim.replay import RECORDINGS
from firmware_sim.solar import Place, PvString
from firmware_sim.weather import Climate


def strings_of(top: Fields) -> tuple[PvString, ...]:
    """One or two strings of panels."""
    rows = top.tables("pv_string")
    if not 1 <= len(rows) <= 2:
        raise top.problem("pv_string", f"there are {len(rows)}; expected one or two tables [[pv_string]]")
    strings = []
    for row in rows:
        tilt, azimuth = row.number("tilt", 0, 90), row.number("azimuth", 0, 360)
        strings.append(PvString(row.number("peak_w", 100, 60_000), tilt, azimuth))
        row.end()
    return tuple(strings)


def household_of(fields: Fields) -> Household:
    """Who lives there."""
    household = Household(
        base_w=fields.number("base_w", 0, 5000, 160),
        people=fields.whole("people", 1, 12, 3),
        car_w=fields.number("car_w", 0, 22_000, 0),
    )
    fields.end()
    return household


def home_of(top: Fields) -> HomeParts:
    """Inverter and battery."""
    inverter, battery = top.table("inverter"), top.table("battery")
    capacity = battery.number("capacity_wh", 500, 200_000)
    parts = HomeParts(
        Inverter(inverter.number("ac_limit_w", 500, 32_000), inverter.number("efficiency", 0.8, 1, 0.97)),
        Battery(
            capacity_wh=capacity,
            charge_limit_w=battery.number("charge_limit_w", 100, 32_000),
            discharge_limit_w=battery.number("discharge_limit_w", 100, 32_000),
            charge_efficiency=battery.number("charge_efficiency", 0.5, 1, 0.97),
            discharge_efficiency=battery.number("discharge_efficiency", 0.5, 1, 0.97),
            low_share=battery.number("low_percent", 0, 90, 5) / 100.0,
        ),
        first_soc=battery.number("first_percent", 0, 100, 40) / 100.0,
        first_total_wh=inverter.number("first_total_wh", 1000, 1e9, 1e6),
    )
    inverter.end()
    battery.end()
    return parts


def heat_of(top: Fields) -> HeatParts:
    """House, boiler and control."""
    house, boiler, control = top.table("house"), top.table("boiler"), top.table("control")
    parts = HeatParts(
        House(
            loss_w_per_k=house.number("loss_w_per_k", 20, 2000, 170),
            capacity=house.number("capacity_kj_per_k", 3000, 200_000, 18_000) * 1000,
            radiator_w_per_k=house.number("radiator_w_per_k", 40, 1500, 190),
            radiator_capacity=house.number("radiator_kj_per_k", 20, 5000, 190) * 1000,
            gains_w=house.number("gains_w", 0, 3000, 250),
        ),
        Boiler(
            burner_w=boiler.number("burner_w", 3000, 100_000, 18_000),
            tank_litres=boiler.number("tank_litres", 80, 1000, 200),
            hysteresis_k=boiler.number("hysteresis_k", 1, 15, 4),
        ),
        Control(
            room_day=control.number("room_day", 10, 28, 21),
            room_night=control.number("room_night", 5, 28, 18),
            slope=control.number("slope", 0.2, 3, 1.15),
            level=control.number("level", -10, 20, 1),
            heating_limit=control.number("heating_limit", 5, 30, 17),
            dhw=control.number("dhw", 40, 65, 55),
        ),
    )
    lightest = lightest_radiator(parts)
    if parts.house.radiator_capacity < lightest:
        problem = f"is too light for steps of a minute; expected at least {lightest / 1000:.0f} with these radiators"
        raise house.problem("radiator_kj_per_k", problem)
    for fields in (house, boiler, control):
        fields.end()
    return parts


def climate_of(fields: Fields) -> Climate:
    """What the weather is like."""
    climate = Climate(
        cloudiness=fields.number("cloudiness", 0, 1, 0.4),
        mean_temperature=fields.number("mean_temperature", -20, 30, 10),
        seasonal_swing=fields.number("seasonal_swing", 0, 30, 9),
        daily_swing=fields.number("daily_swing", 0, 15, 5),
    )
    fields.end()
    return climate


def recording_of(top: Fields) -> tuple[str, float]:
    """A recording's name, and the size of its battery in Wh."""
    fields = top.table("recording")
    name = fields.text("name")
    if name not in RECORDINGS:
        raise fields.problem("name", f"{name!r} does not exist; expected one of {', '.join(RECORDINGS)}")
    capacity = fields.number("capacity_wh", 500, 200_000)
    fields.end()
    return name, capacity


def place_of(site: Fields) -> Place:
    """Where the site stands."""
    return Place(
        site.number("latitude", -90, 90), site.number("longitude", -180, 180), site.number("altitude_m", -430, 5000, 0)
    )


def zone_of(text: str) -> ZoneInfo:
    """A time zone by its name. Raises `ValueError` with what was expected."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{text!r} is not a time zone; expected a name like Europe/Berlin") from error


def equipment_of(fields: Fields) -> Equipment:
    """What the device says it is."""
    return Equipment(fields.text("maker"), fields.text("model"), fields.text("serial"), fields.text("firmware"))
