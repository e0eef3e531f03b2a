"""The family that a site speaks as, with every choice made: options, type plate, unit id, manners."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.domain.signals import Equipment
from firmware_sim.errors import BadArgument
from firmware_sim.families.family import FREE_OPTIONS, Clients, Family, FamilyKind, Layout, family

# What the layouts that are no tables can tell of a home.
_CHAIN_FACTS = frozenset(
    {
        "p_pv", "p_pv_1", "p_ac", "p_charge", "p_discharge", "p_grid", "soc", "t_inv", "state", "alarm", "e_pv_1",
        "e_charge", "e_discharge", "e_import", "e_export",
    }
)  # fmt: skip
_TROVIS_FACTS = frozenset({"t_out", "t_flow", "t_return", "t_room", "t_dhw", "pump", "fault", "valve_percent"})


@dataclass(frozen=True, slots=True)
class Speech:
    """What is spoken. `options` has a value for every option of the family; `known` are the facts that it can tell."""

    family: Family
    options: Mapping[str, str]
    equipment: Equipment
    unit_id: int
    gap_ms: int
    clients: Clients
    known: frozenset[str] = field(default_factory=frozenset)


def fits(spoken: Family, is_heat: bool) -> bool:
    """Whether a heating site, or a home, can speak so."""
    return (spoken.kind is FamilyKind.HEAT) is is_heat


def speech_of(name: str, wanted: Mapping[str, str], equipment: Equipment | None = None, unit_id: int = 0) -> Speech:
    """A speech by its family's name. Without `equipment` it has the family's own plate. Raises `BadArgument`.

    `wanted` holds options of the family and free ones, which stand above `equipment` and `unit_id`.
    """
    spoken = family(name)
    free = {key: value for key, value in wanted.items() if key in FREE_OPTIONS and key not in spoken.options}
    options = spoken.chosen({key: value for key, value in wanted.items() if key not in free})
    plate = equipment or spoken.plate
    return Speech(
        family=spoken,
        options=options,
        equipment=Equipment(
            free.get("maker", plate.maker),
            free.get("model", plate.model),
            free.get("serial", plate.serial),
            free.get("version", plate.firmware),
        ),
        unit_id=_whole(free, "unit", 0, 255, unit_id or spoken.unit),
        gap_ms=_whole(free, "gap_ms", 0, 10_000, spoken.gap_ms),
        clients=_clients(free, spoken.clients),
        known=_known(spoken, options),
    )


def _whole(free: Mapping[str, str], key: str, low: int, high: int, default: int) -> int:
    text = free.get(key, str(default))
    if not text.isascii() or not text.isdecimal() or not low <= int(text) <= high:
        raise BadArgument(f"option {key}={text}: expected a whole number from {low} to {high}")
    return int(text)


def _clients(free: Mapping[str, str], default: Clients) -> Clients:
    try:
        return Clients(free.get("clients", default))
    except ValueError:
        raise BadArgument(f"option clients={free['clients']}: expected one of {', '.join(Clients)}") from None


def _known(spoken: Family, options: Mapping[str, str]) -> frozenset[str]:
    rows = {row.what for table in spoken.tables if table.fits(options) for row in table.rows if not row.constant}
    if spoken.layout is Layout.TROVIS:
        return _TROVIS_FACTS
    return frozenset(rows) | (_CHAIN_FACTS if spoken.layout is not Layout.ROWS else frozenset())
