"""What a fault costs per day, from stated assumptions that an operator replaces by own figures (TOML)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.domain.errors import BadSetup


@dataclass(frozen=True, slots=True)
class Share:
    """Of a day's heating cost, which part is wasted; and a fixed sum for comfort, wear or the visit that is due."""

    wasted: float = 0.0
    fixed: float = 0.0


# Assumptions, not measurements: a flat curve or a wrong outdoor value overheats by 2–3 K at about 6 % per K; cycling
# and hunting cost 5 % in standing losses besides wear; no heat and a cold room cost comfort and a quick visit.
SHARES: Mapping[str, Share] = {
    "no_heat": Share(fixed=60.0),
    "boiler_lockout": Share(fixed=60.0),
    "room_too_cold": Share(fixed=25.0),
    "short_cycling": Share(0.05, 2.0),
    "hunting": Share(0.05, 1.0),
    "flat_heating_curve": Share(0.15),
    "outdoor_sensor_implausible": Share(0.15),
    "sensors_swapped": Share(0.15, 5.0),
    "sign_or_scale_error": Share(0.10, 2.0),
    "room_sensor_stuck": Share(0.08),
    "unusual_behaviour": Share(0.05),
}


@dataclass(frozen=True, slots=True)
class Costs:
    """`heat_per_kelvin` kWh a day for each K between room and outdoors (24 = a building that loses 1 kW per K)."""

    currency: str = "€"
    price_per_kwh: float = 0.10
    heat_per_kelvin: float = 24.0
    feed_in_per_kwh: float = 0.08
    import_per_kwh: float = 0.25
    shares: Mapping[str, Share] = field(default_factory=lambda: dict(SHARES))

    def per_day(self, fault: str, need_kelvin: float) -> float:
        """Money a day for a heating fault while the weather is `need_kelvin` below the room."""
        share = self.shares.get(fault, Share())
        day = max(need_kelvin, 0.0) * self.heat_per_kelvin * self.price_per_kwh
        return round(share.wasted * day + share.fixed, 2)


def read(path: Path | None) -> Costs:
    """The operator's figures over the assumed ones; `[shares.no_heat] wasted = 0.1, fixed = 40`."""
    if path is None:
        return Costs()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetup(str(path), f"is not TOML: {error}") from error
    shares = dict(SHARES)
    for fault, row in document.pop("shares", {}).items():
        if fault not in shares:
            raise BadSetup(f"{path}, shares.{fault}", f"no such fault; expected one of {', '.join(sorted(shares))}")
        shares[fault] = Share(**_numbers(f"{path}, shares.{fault}", row, ("wasted", "fixed")))
    currency = document.pop("currency", "€")
    names = ("price_per_kwh", "heat_per_kelvin", "feed_in_per_kwh", "import_per_kwh")
    figures = {name: getattr(Costs(), name) for name in names} | _numbers(str(path), document, names)
    return Costs(
        str(currency), figures["price_per_kwh"], figures["heat_per_kelvin"], figures["feed_in_per_kwh"],
        figures["import_per_kwh"], shares,
    )  # fmt: skip


def _numbers(where: str, row: object, names: tuple[str, ...]) -> dict[str, float]:
    if not isinstance(row, dict) or not set(row) <= set(names):
        raise BadSetup(where, f"{row!r}: expected at most {', '.join(names)}")
    for name, value in row.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise BadSetup(f"{where}, {name}", f"{value!r}: expected a number from 0 on")
    return {name: float(value) for name, value in row.items()}
