"""A battery with capacity, power limits, efficiency and charge limits. Pure functions of watts and seconds."""

from dataclasses import dataclass

FULL_SHARE = 0.97
# Near full the cells take less and less; this much of the limit is left at the very end.
END_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class Battery:
    """Capacity in Wh, limits in W at the DC terminals, one-way efficiencies, lowest allowed charge as a share."""

    capacity_wh: float
    charge_limit_w: float
    discharge_limit_w: float
    charge_efficiency: float = 0.97
    discharge_efficiency: float = 0.97
    low_share: float = 0.05

    @property
    def low_wh(self) -> float:
        """Energy below which it gives no more."""
        return self.capacity_wh * self.low_share


def charge_possible(battery: Battery, stored_wh: float, dt_s: float) -> float:
    """Highest charging power in W that `dt_s` seconds can be kept up, taper near full included."""
    room_wh = battery.capacity_wh - stored_wh
    if room_wh <= 0.0:
        return 0.0
    share = stored_wh / battery.capacity_wh
    taper = 1.0
    if share > FULL_SHARE:
        taper = 1.0 - (1.0 - END_SHARE) * (share - FULL_SHARE) / (1.0 - FULL_SHARE)
    until_full = room_wh / battery.charge_efficiency * 3600.0 / dt_s
    return min(battery.charge_limit_w * taper, until_full)


def discharge_possible(battery: Battery, stored_wh: float, dt_s: float) -> float:
    """Highest discharging power in W that `dt_s` seconds can be kept up."""
    usable_wh = max(0.0, stored_wh - battery.low_wh)
    return min(battery.discharge_limit_w, usable_wh * battery.discharge_efficiency * 3600.0 / dt_s)


def stored_after(battery: Battery, stored_wh: float, power_w: float, dt_s: float) -> float:
    """Stored energy after `dt_s` seconds at `power_w` (positive = charging)."""
    hours = dt_s / 3600.0
    if power_w >= 0.0:
        return min(battery.capacity_wh, stored_wh + power_w * battery.charge_efficiency * hours)
    return max(0.0, stored_wh + power_w / battery.discharge_efficiency * hours)
