"""Why an installation is on the list, in one sentence with the numbers that show it."""

import numpy as np
from numpy.typing import NDArray

from cloud.fleet.daily import FLOW, HEATING, OUT, ROOM, Daily
from cloud.fleet.evidence import MENDS, Usual
from cloud.fleet.robust import Array, median
from cloud.fleet.swing import Swing

SHOWN_BY: dict[str, tuple[int, ...]] = {
    "no_heat": (FLOW, ROOM),
    "short_cycling": (FLOW,),
    "hunting": (FLOW,),
    "flat_heating_curve": (FLOW, OUT),
    "room_sensor_stuck": (ROOM,),
    "sensors_swapped": (OUT, ROOM, FLOW),
    "outdoor_sensor_implausible": (OUT,),
    "room_too_cold": (ROOM,),
    "sign_or_scale_error": (OUT, ROOM, FLOW),
    "unusual_behaviour": (OUT, ROOM, FLOW),
}
PAIRS = ((OUT, ROOM), (OUT, FLOW), (ROOM, FLOW))


def signals(fault: str) -> tuple[str, ...]:
    """The signals that show a fault."""
    return tuple(str(HEATING[place]) for place in SHOWN_BY.get(fault, ()))


def plain(signal: str) -> str:
    """A signal as a person says it.

    >>> plain("flow_temperature")
    'flow temperature'
    """
    return str(signal).replace("_", " ")


def whole(value: float) -> str:
    """A number without decimals, `?` where there is none.

    >>> whole(-0.2), whole(float("nan"))
    ('0', '?')
    """
    return f"{round(value)}" if np.isfinite(value) else "?"


class Reasons:
    """Sentences for one fleet. `pair`: the likeliest swapped pair; `mends`: per signal and day."""

    def __init__(self, daily: Daily, fleet: Usual, pair: Array, mends: list[tuple[Array, Array]]) -> None:
        self._daily = daily
        self._fleet = fleet
        self._pair = pair
        self._mends = mends
        self.comfort = fleet.room[0]

    def of(self, fault: str, i: int, days: NDArray[np.int64], swing: Swing | None, response: float) -> str:
        """The sentence for installation `i` on the days that show the fault."""
        out, room, flow = (self._usual(self._daily.raw[:, :, place], i, days) for place in (OUT, ROOM, FLOW))
        weather = self._usual(self._daily.weather, i, days)
        if swing is not None:
            return self._swing(i, days, swing)
        if fault == "no_heat":
            excess = self._usual(self._daily.excess, i, days)
            return f"flow at most {excess:.1f} K above the room at {whole(weather)} °C outside; room {room:.1f} °C"
        if fault == "flat_heating_curve":
            stays, fleet = f"flow stays near {whole(flow)} °C", self._fleet.response[0]
            if not np.isfinite(response):
                return f"{stays} whatever the weather"
            return f"{stays}: {max(response, 0):.0%} of the slope its level asks for, the fleet {fleet:.0%}"
        if fault == "room_sensor_stuck":
            return f"the room sensor says {room:.2f} °C for {len(days)} days"
        if fault == "room_too_cold":
            return f"room {room:.1f} °C, the fleet {self.comfort:.1f} °C, while flow is {whole(flow)} °C"
        if fault == "unusual_behaviour":
            range_k = self._usual(self._daily.deviation[:, :, ROOM], i, days)
            usual = f"room {room:.1f} °C, varying by ±{range_k:.1f} K a day; the fleet {self.comfort:.1f} °C"
            return f"{usual}, ±{self._fleet.room_deviation[0]:.1f} K; no known fault fits"
        if fault == "outdoor_sensor_implausible":
            off, span = self._usual(self._daily.off, i, days), self._usual(self._daily.off_span, i, days)
            if not np.isfinite(off):
                return "the outdoor sensor shows what no weather can be"
            return f"outdoor sensor {off:+.1f} K from its peers at the same hours, varying by {span:.1f} K within a day"
        if fault == "sensors_swapped":
            a, b = (HEATING[place] for place in PAIRS[int(self._pair[i])])
            shown = f"outdoor {whole(out)}, room {whole(room)}, flow {whole(flow)} °C at {whole(weather)} °C outside"
            return f"{plain(a)} and {plain(b)} make sense the other way round: {shown}"
        return self._scale(i, days)

    def _usual(self, table: Array, i: int, days: NDArray[np.int64]) -> float:
        """The median over the days; adding 0 turns −0 into 0."""
        return round(float(median(table[i, days])), 2) + 0.0

    def _swing(self, i: int, days: NDArray[np.int64], swing: Swing) -> str:
        width = self._usual(self._daily.swing, i, days)
        if swing.fault == "hunting":
            return (
                f"flow swings by ±{whole(width)} K with a period of {swing.period_min / 60:.1f} h on {len(days)} days"
            )
        return f"flow jumps by ±{whole(width)} K from sample to sample on {len(days)} days"

    def _scale(self, i: int, days: NDArray[np.int64]) -> str:
        weights = [float(np.nansum(severity[i, days])) for severity, _ in self._mends]
        place = int(np.argmax(weights))
        severity, mend = (part[i, days] for part in self._mends[place])
        kinds = np.nan_to_num(mend[severity >= 1] if (severity >= 1).any() else mend).astype(np.int64)
        kind = MENDS[int(np.bincount(kinds).argmax())][0]
        return f"{plain(HEATING[place])} makes sense only once it is taken as {kind}"
