"""A home with panels, a hybrid inverter, a battery and a grid that closes the balance. Pure: time is passed in.

Powers in W, energies in Wh, shares 0 to 1. `battery_power` is positive while charging, `grid_power` while importing.
`pv + grid = load + battery + losses` holds at every instant, losses being those of the inverter.
"""

from dataclasses import dataclass, replace

from agent.domain.signals import InverterAlarm, InverterState
from firmware_sim.battery import Battery, charge_possible, discharge_possible, stored_after
from firmware_sim.failures import BatteryMode, Effects

IDLE_W = 1.0
LEAK_W = 180.0
HUNT_SHARE = 0.003
CABINET_TAU_S = 1200.0
CABINET_RISE_K = 28.0


@dataclass(frozen=True, slots=True)
class Inverter:
    """AC limit in W and the share of DC that becomes AC."""

    ac_limit_w: float
    efficiency: float = 0.97


@dataclass(frozen=True, slots=True)
class HomeParts:
    """What the home is made of, and what its meters showed when the simulation began."""

    inverter: Inverter
    battery: Battery
    first_soc: float = 0.4
    first_total_wh: float = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Drive:
    """What the world does to the home for one step: DC power on offer per string, load, outside air in °C."""

    strings_w: tuple[float, ...]
    load_w: float
    outdoor: float


@dataclass(frozen=True, slots=True)
class Flows:
    """Powers during one step."""

    strings_w: tuple[float, ...]
    load_w: float
    battery_w: float
    grid_w: float
    ac_w: float
    state: InverterState
    alarm: InverterAlarm

    @property
    def pv_w(self) -> float:
        """All strings together."""
        return sum(self.strings_w)


@dataclass(frozen=True, slots=True)
class Stores:
    """What is carried from step to step: energy in the battery, lifetime counters, the inverter's warmth."""

    stored_wh: float
    strings_wh: tuple[float, ...]
    charge_wh: float
    discharge_wh: float
    import_wh: float
    export_wh: float
    ac_wh: float
    cabinet: float


def first_stores(parts: HomeParts, strings: int) -> Stores:
    """Stores of a home that has been running for a while."""
    total = parts.first_total_wh
    return Stores(
        stored_wh=parts.battery.capacity_wh * parts.first_soc,
        strings_wh=tuple(total / strings for _ in range(strings)),
        charge_wh=0.31 * total,
        discharge_wh=0.28 * total,
        import_wh=0.22 * total,
        export_wh=0.41 * total,
        ac_wh=0.95 * total,
        cabinet=25.0,
    )


def flows(parts: HomeParts, stores: Stores, drive: Drive, effects: Effects, dt_s: float) -> Flows:
    """Who gives and takes what for the next `dt_s` seconds: the house first, then the battery, then the grid."""
    if effects.alarm is not InverterAlarm.NONE:
        none = tuple(0.0 for _ in drive.strings_w)
        return Flows(none, drive.load_w, 0.0, drive.load_w, 0.0, InverterState.FAULT, effects.alarm)
    strings = tuple(0.0 for _ in drive.strings_w) if effects.solar_dead else drive.strings_w
    if effects.pv_share != 1.0:
        strings = tuple(watts * effects.pv_share for watts in strings)
    offered = sum(strings)
    inverter = parts.inverter
    battery_w = _battery_power(parts, stores, offered, drive.load_w, effects, dt_s)
    dc_limit = inverter.ac_limit_w / inverter.efficiency
    throttled = offered - battery_w > dc_limit
    if throttled:
        # The panels are turned down to what battery and inverter can take, and the tracker hunts just below that.
        used = max(0.0, dc_limit * (1.0 - HUNT_SHARE * (offered % 1.0)) + battery_w)
        strings = tuple(watts * used / offered for watts in strings)
    ac = max(0.0, sum(strings) - battery_w) * inverter.efficiency
    state = _state(throttled, sum(strings), battery_w, effects)
    return Flows(strings, drive.load_w, battery_w, drive.load_w - ac, ac, state, InverterAlarm.NONE)


def _battery_power(
    parts: HomeParts, stores: Stores, offered: float, load_w: float, effects: Effects, dt_s: float
) -> float:
    """Battery power under self-consumption control, positive = charging."""
    possible = discharge_possible(parts.battery, stores.stored_wh, dt_s)
    dc_limit = parts.inverter.ac_limit_w / parts.inverter.efficiency
    surplus = offered - load_w / parts.inverter.efficiency
    if effects.battery is BatteryMode.IDLE:
        return 0.0
    if surplus <= 0.0:
        headroom = max(0.0, dc_limit - offered)
        return -min(-surplus, possible, headroom)
    if effects.battery is BatteryMode.DISCHARGING:
        return -min(LEAK_W, possible, max(0.0, dc_limit - offered))
    return min(surplus, effects.charge_share * charge_possible(parts.battery, stores.stored_wh, dt_s))


def _state(throttled: bool, pv_w: float, battery_w: float, effects: Effects) -> InverterState:
    if throttled:
        return InverterState.THROTTLED
    if pv_w > 0.0 or abs(battery_w) > IDLE_W:
        return InverterState.RUNNING
    return InverterState.STANDBY if effects.solar_dead else InverterState.SLEEPING


def advanced(parts: HomeParts, stores: Stores, now: Flows, outdoor: float, dt_s: float) -> Stores:
    """Stores after `dt_s` seconds of these flows."""
    hours = dt_s / 3600.0
    target = 14.0 + 0.35 * outdoor + CABINET_RISE_K * now.ac_w / parts.inverter.ac_limit_w
    return replace(
        stores,
        stored_wh=stored_after(parts.battery, stores.stored_wh, now.battery_w, dt_s),
        strings_wh=tuple(total + watts * hours for total, watts in zip(stores.strings_wh, now.strings_w, strict=True)),
        charge_wh=stores.charge_wh + max(0.0, now.battery_w) * hours,
        discharge_wh=stores.discharge_wh + max(0.0, -now.battery_w) * hours,
        import_wh=stores.import_wh + max(0.0, now.grid_w) * hours,
        export_wh=stores.export_wh + max(0.0, -now.grid_w) * hours,
        ac_wh=stores.ac_wh + now.ac_w * hours,
        cabinet=stores.cabinet + (target - stores.cabinet) * dt_s / (CABINET_TAU_S + dt_s),
    )
