"""The live pictures' content: where energy flows and how warm the water is. A missing value is unknown, never 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent.domain import signals as sg
from cloud.dashboard import formats

# Below this a meter shows its own noise.
IDLE_W: Final = 5.0
_SLOW_W: Final = 500.0
_FAST_W: Final = 2500.0
# A radiator feels warm from here on.
_WARM_C: Final = 30.0


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of the power picture. `direction`: "in" towards the middle, "out" from it, "idle" or "unknown"."""

    name: str
    label: str
    text: str
    direction: str
    pace: str
    doing: str


@dataclass(frozen=True, slots=True)
class PowerPicture:
    """`soc` is the state of charge in %, None when unknown; `sentence` says the picture in words."""

    solar: Branch
    house: Branch
    battery: Branch | None
    grid: Branch
    soc: float | None
    soc_text: str
    sentence: str

    @property
    def branches(self) -> list[Branch]:
        present = (self.solar, self.house, self.battery, self.grid)
        return [branch for branch in present if branch is not None]


@dataclass(frozen=True, slots=True)
class HeatPicture:
    """Texts with their units; `burner` and `pump` are "on", "off" or "unknown"; `warm`: the flow can heat a room."""

    flow: str
    back: str
    room: str
    outdoor: str
    hot_water: str
    pressure: str
    burner: str
    pump: str
    warm: bool
    sentence: str


def power_picture(values: Mapping[str, float], *, has_battery: bool) -> PowerPicture:
    """The picture of one reading."""
    solar = _branch("solar", "Solar", values.get(sg.PV_POWER), ("generating", "", "idle"), turned=False)
    house = _branch("house", "House", values.get(sg.LOAD_POWER), ("using", "", "idle"), turned=True)
    battery = _branch(
        "battery", "Battery", values.get(sg.BATTERY_POWER), ("charging", "discharging", "idle"), turned=True
    )
    grid = _branch("grid", "Grid", values.get(sg.GRID_POWER), ("importing", "exporting", "idle"), turned=False)
    soc = values.get(sg.BATTERY_SOC)
    shown = [solar, house, *([battery] if has_battery else []), grid]
    soc_text = formats.UNKNOWN if soc is None else f"{formats.number(soc)} %"
    said = [f"{branch.label} {branch.doing} {branch.text}".replace("  ", " ") for branch in shown]
    if has_battery:
        said.append(f"state of charge {soc_text}")
    return PowerPicture(solar, house, battery if has_battery else None, grid, soc, soc_text, ", ".join(said))


def _branch(name: str, label: str, value: float | None, doing: tuple[str, str, str], *, turned: bool) -> Branch:
    """A positive value runs into the middle, or from it when `turned`."""
    if value is None:
        return Branch(name, label, formats.UNKNOWN, "unknown", "still", "unknown")
    size = abs(value)
    if size < IDLE_W:
        return Branch(name, label, formats.watts(0.0), "idle", "still", doing[2])
    direction = "in" if (value > 0) != turned else "out"
    pace = "slow" if size < _SLOW_W else ("fast" if size >= _FAST_W else "medium")
    return Branch(name, label, formats.watts(size), direction, pace, doing[0] if value > 0 else doing[1])


def heat_picture(values: Mapping[str, float]) -> HeatPicture:
    """The picture of one reading."""
    flow, back = formats.celsius(values.get(sg.FLOW_TEMPERATURE)), formats.celsius(values.get(sg.RETURN_TEMPERATURE))
    room, outdoor = (
        formats.celsius(values.get(sg.ROOM_TEMPERATURE)),
        formats.celsius(values.get(sg.OUTDOOR_TEMPERATURE)),
    )
    burner, pump = _switch(values.get(sg.BURNER_ON)), _switch(values.get(sg.PUMP_ON))
    pressure = values.get(sg.WATER_PRESSURE)
    return HeatPicture(
        flow=flow,
        back=back,
        room=room,
        outdoor=outdoor,
        hot_water=formats.celsius(values.get(sg.DHW_TEMPERATURE)),
        pressure=formats.UNKNOWN if pressure is None else f"{formats.number(pressure, 1)} bar",
        burner=burner,
        pump=pump,
        warm=values.get(sg.FLOW_TEMPERATURE, 0.0) >= _WARM_C,
        sentence=f"Burner {burner}, pump {pump}, flow {flow}, return {back}, room {room}, outdoors {outdoor}",
    )


def _switch(value: float | None) -> str:
    if value is None:
        return "unknown"
    return "on" if value >= 0.5 else "off"
