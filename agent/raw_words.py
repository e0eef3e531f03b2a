"""A device's values as a person compares them with its display: in words, with the raw words that they were made of."""

from collections.abc import Mapping, Sequence

from agent.domain.errors import SourceUnavailable
from agent.domain.signals import (
    INVERTER_ALARM,
    INVERTER_STATE,
    InverterAlarm,
    InverterState,
    SignalName,
    spec_of,
)
from agent.sources.corrections import terms_of
from agent.sources.in_turn import ModbusInTurn
from agent.sources.modbus import ModbusSource
from agent.sources.profile import Field, Layout, Profile, bind_absolute
from agent.sources.sunspec import Refused, discover, locate

ModbusDevice = ModbusSource | ModbusInTurn


async def raw_words(
    source: ModbusDevice, profile: Profile, unit: int | None, more_units: Sequence[int]
) -> Mapping[str, tuple[str, ...]]:
    """The words behind every signal, by its name, each as "address: words"; a refusal says so.

    Raises `SourceUnavailable`.
    """
    layout = await _layout(source, profile, profile.limits.unit if unit is None else unit, more_units)
    words: dict[str, list[str]] = {}
    for field in layout.fields:
        words.setdefault(field.name, []).extend(await _words(source, field))
    return {
        name: tuple(text for term in sorted(terms_of(profile, name)) for text in words.get(term, ()))
        for name in layout.signals
    }


async def _layout(source: ModbusDevice, profile: Profile, unit: int, more_units: Sequence[int]) -> Layout:
    if profile.kind != "sunspec":
        stations = {
            station.name: number for station, number in zip(profile.station, more_units, strict=False) if number
        }
        return bind_absolute(profile, unit, stations)
    try:
        models = [model for each in (unit, *more_units) for model in await discover(source.raw_read, profile, each)]
    except Refused as refused:
        raise SourceUnavailable(source.name, f"refused to be explored, exception {refused.code}") from refused
    return locate(profile, models, unit)


async def _words(source: ModbusDevice, field: Field) -> list[str]:
    """One text per run of words: address and words in hexadecimal."""
    register = field.register
    places = [(each, 1) for each in register.scattered] or [(field.address, register.width)]
    texts = []
    for address, count in places:
        try:
            words = await source.raw_read(field.unit, register.function, address, count)
        except Refused as refused:
            texts.append(f"{address}: refused, exception {refused.code}")
        else:
            texts.append(f"{address}: " + " ".join(f"{word:04X}" for word in words))
    return texts


def shown(name: SignalName, value: float) -> tuple[str, str]:
    """A value as text, and its unit; the inverter's state and alarm, and what is on or off, in words.

    >>> shown(INVERTER_STATE, 3.0), shown(INVERTER_ALARM, 0.0)
    (('running', ''), ('none', ''))
    """
    words = {INVERTER_STATE: InverterState, INVERTER_ALARM: InverterAlarm}.get(name)
    if words is not None:
        return words(round(value)).name.lower().replace("_", " "), ""
    spec = spec_of(name)
    if spec is not None and spec.unit == "0/1":
        return ("on" if value else "off"), ""
    return (f"{value:g}", "") if spec is None else (f"{value:,.{spec.decimals}f}", spec.unit)


def unit_of(name: SignalName) -> str:
    """The unit of a signal of the vocabulary."""
    spec = spec_of(name)
    return "" if spec is None else spec.unit
