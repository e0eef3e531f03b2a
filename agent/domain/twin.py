"""The device twin: JSON documents merged by RFC 7396, each with a version.

A message is JSON, or, where bytes count, the byte 1 and then the same JSON compressed.
"""

import zlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from agent.domain.errors import BadMessage

Document = dict[str, Any]
MAX_DEPTH = 16
MAX_BYTES = 64 * 1024
MAX_VERSION: Final = 2**53
_SQUEEZED: Final = b"\x01"
# Frozen with that byte: what a short message would otherwise have to spell out. Never change it, take another byte.
_WORDS: Final = (
    b"{\x22doc\x22:{\x22agent\x22:{\x22version\x22:\x220.1.0\x22,\x22started_ms\x22:17,\x22starts\x22:1},\x22site"
    b"\x22:{\x22name\x22:\x22\x22,\x22timezone\x22:\x22Europe/\x22,\x22latitude\x22:4,\x22longitude\x22:1},\x22sou"
    b"rces\x22:{\x22inverter\x22:{\x22profile\x22:\x22sunspec\x22,\x22equipment\x22:{\x22maker\x22:\x22\x22,\x22mo"
    b"del\x22:\x22\x22,\x22serial\x22:\x22\x22,\x22firmware\x22:\x22\x22},\x22reachable\x22:true}},\x22health\x22:"
    b"{\x22backlog\x22:0,\x22journal_bytes\x22:0,\x22disk_free_bytes\x22:0,\x22rss_bytes\x22:0,\x22days_left\x22:0"
    b",\x22clock\x22:\x22known\x22,\x22journal\x22:\x22ok\x22},\x22faults\x22:{\x22x\x22:{\x22code\x22:\x22\x22,"
    b"\x22severity\x22:\x22warning\x22,\x22component\x22:\x22\x22,\x22start_ms\x22:17}}}}\x22boiler_lockout\x22:"
    b"\x22no_heat\x22:\x22low_water_pressure\x22:\x22inverter_alarm\x22:\x22device_unreachable\x22:\x22no_solar_pr"
    b"oduction\x22:\x22battery_not_charging\x22:{\x22failures\x22:0,\x22exposure_hours\x22:2,\x22up_hours\x22:2,"
    b"\x22down_hours\x22:0.0,\x22mtbf_hours\x22:1,\x22mtbf_low_hours\x22:1,\x22mtbf_high_hours\x22:1,\x22mttr_hour"
    b"s\x22:0,\x22availability\x22:0.9,\x22availability_low\x22:0.9,\x22availability_high\x22:0.9}\x22reliability"
    b"\x22:{\x22last\x22:{\x22at_ms\x22:17,\x22values\x22:{\x22boiler_fault\x22:\x22water_pressure\x22:\x22burner_"
    b"on\x22:\x22pump_on\x22:\x22dhw_temperature\x22:\x22return_temperature\x22:\x22flow_temperature\x22:\x22room_"
    b"temperature\x22:\x22inverter_alarm\x22:\x22inverter_state\x22:\x22pv_energy_total\x22:\x22grid_import_total"
    b"\x22:\x22grid_export_total\x22:\x22pv_power\x22:\x22load_power\x22:\x22battery_power\x22:\x22grid_power\x22:"
    b"\x22battery_soc\x22:\x22battery_temperature\x22:\x22inverter_temperature\x22:\x22outdoor_temperature\x22:0.0"
    b"},\x22bad\x22:{}}{\x22version\x22:17,\x22base\x22:17,\x22patch\x22:{\x22reliability\x22:{\x22"
)


class StaleVersion(BadMessage):
    """A write that was made on another version than the present one, `current`."""

    def __init__(self, expected: int, current: int) -> None:
        super().__init__(f"the document is at version {current}, the write was made on {expected}")
        self.expected = expected
        self.current = current


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` with `patch` merged in, RFC 7396; neither is changed.

    >>> merge_patch({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}})
    {'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(patch, Mapping):
        return patch
    merged: Document = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> Document:
    """The smallest merge patch that turns `old` into `new`. Neither may hold nulls: RFC 7396 cannot carry them.

    >>> diff({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 2, "d": 4}})
    {'a': None, 'b': {'d': 4}}
    """
    patch: Document = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = diff(before, value)
            if inner:
                patch[key] = inner
        elif key not in old or before != value or type(before) is not type(value):
            patch[key] = value
    return patch


class TwinMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """`doc` is the whole document; or `patch` leads from version `base` to `version`."""

    version: int
    doc: Document | None = None
    base: int | None = None
    patch: Document | None = None


class Twin(msgspec.Struct, frozen=True):
    """A document and its version; 0 and empty before the first."""

    version: int = 0
    doc: Document = {}

    def write(self, patch: Mapping[str, Any], *, expected: int) -> "Twin":
        """The twin with `patch` merged in, one version on. Raises `StaleVersion` unless `expected` is this version."""
        if expected != self.version:
            raise StaleVersion(expected, self.version)
        return Twin(self.version + 1, merge_patch(self.doc, patch))

    def apply(self, message: TwinMessage) -> "Twin":
        """The twin after `message`. Raises `StaleVersion` when a patch was made on another version."""
        if message.doc is not None:
            return Twin(message.version, message.doc)
        if message.base != self.version:
            raise StaleVersion(message.base or 0, self.version)
        return Twin(message.version, merge_patch(self.doc, message.patch or {}))


def encode_twin(message: TwinMessage, *, squeezed: bool = False) -> bytes:
    """The message as it travels; `squeezed` takes about a third, and a program to read it."""
    text = msgspec.json.encode(message)
    if not squeezed:
        return text
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _WORDS)
    return _SQUEEZED + packer.compress(text) + packer.flush()


def decode_twin(data: bytes) -> TwinMessage:
    """Raises `BadMessage` for what is no twin message, has no possible version, is too large or nested too deep."""
    if data[:1] == _SQUEEZED:
        data = _unsqueezed(data[1:])
    if len(data) > MAX_BYTES:
        raise BadMessage(f"twin of {len(data)} bytes, at most {MAX_BYTES} allowed")
    try:
        message = msgspec.json.decode(data, type=TwinMessage)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadMessage(f"twin: {error}") from error
    if not 0 <= message.version <= MAX_VERSION:
        raise BadMessage(f"twin: version {message.version}, expected 0..{MAX_VERSION}")
    if (message.doc is None) == (message.patch is None):
        raise BadMessage("twin: expected either doc or patch")
    if _depth(message.doc if message.doc is not None else message.patch) > MAX_DEPTH:
        raise BadMessage(f"twin: nested deeper than {MAX_DEPTH}")
    return message


def _unsqueezed(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(-15, _WORDS)
    try:
        text = unpacker.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise BadMessage(f"twin: {error}") from error
    if len(text) <= MAX_BYTES and (not unpacker.eof or unpacker.unused_data):
        raise BadMessage("twin: not one whole compressed message")
    return text


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0
