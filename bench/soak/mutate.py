"""Messages that are wrong, made from right ones: damaged on the way, wrong from the start, or merely odd."""

import json
import math
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from agent.domain.signals import BATTERY_SOC, PV_ENERGY_TOTAL, PV_POWER
from agent.domain.twin import TwinMessage, encode_twin
from agent.domain.wire import (
    Batch,
    Body,
    Energy,
    Event,
    Fault,
    Record,
    Reliability,
    SignalSummary,
    Summary,
    Unknown,
    encode_batch,
    encode_body,
)

AT_MS: Final = 1_750_032_000_000
EPOCH: Final = bytes(range(8))
_HEAD: Final = 32
_CRC_AT: Final = 28
_pack: Final = msgspec.msgpack.Encoder().encode


def bodies() -> list[Body]:
    """One of every kind."""
    return [
        Summary(
            AT_MS,
            900,
            [SignalSummary(PV_POWER, 0, 3210, 210, 90, -10, 15), SignalSummary(BATTERY_SOC, 1, 505, 5, 5, 5, 14)],
        ),
        Energy(AT_MS, {PV_ENERGY_TOTAL: 1_234_567.0}),
        Fault("no_heat.1", "no_heat", "start", "warning", "", AT_MS, evidence={PV_POWER: 3000.0}),
        Reliability(AT_MS, "no_heat", {"failures": 1, "up_ms": 3_600_000, "published_first": None}),
        Event(AT_MS, "restart", {"reason": "power", "count": 3, "clean": False}),
        Unknown("poem", _pack(["roses", 1])),
    ]


def records(changed: dict[int, tuple[str, bytes]] | None = None) -> list[Record]:
    """One of every kind, in order; those of `changed` with another kind and body."""
    made = []
    for place, body in enumerate(bodies()):
        kind, raw = (changed or {}).get(place) or encode_body(body)
        made.append(Record(place + 1, kind, AT_MS + place, msgspec.Raw(raw)))
    return made


def batch(device: str, given: list[Record] | None = None, last: int = 6) -> bytes:
    """The batch of that device; sealed."""
    return encode_batch(Batch(device, EPOCH, 1, last, records() if given is None else given))


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The bytes as a bad line or a bad memory leaves them; never as they were."""
    while True:
        changed = chance.choice(_DAMAGES)(bytearray(data), chance)
        if changed != data:
            return changed


def _flip(data: bytearray, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _cut(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data[: chance.randrange(len(data))])


def _grow(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data) + chance.randbytes(chance.choice((1, 7, 500)))


def _repeat(data: bytearray, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return bytes(data[:at] + data[at : at + 20] + data[at:])


def _swap(data: bytearray, chance: random.Random) -> bytes:
    first, second = sorted((chance.randrange(len(data)), chance.randrange(len(data))))
    return bytes(data[:first] + data[second:] + data[first:second])


def _blank(data: bytearray, chance: random.Random) -> bytes:
    at, size = chance.randrange(len(data)), chance.randint(1, 40)
    data[at : at + size] = bytes(len(data[at : at + size]))
    return bytes(data)


def _noise(data: bytearray, chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 40, len(data))))


_DAMAGES: Final = (_flip, _flip, _cut, _grow, _repeat, _swap, _blank, _noise)


def resealed(data: bytes, chance: random.Random) -> bytes:
    """Damage inside what is compressed or in the header, and a checksum that holds all the same."""
    if chance.random() < 0.3:
        head, body = bytearray(data[:_CRC_AT]), data[_HEAD:]
        head[chance.randrange(2, len(head))] ^= 1 << chance.randrange(8)
    else:
        head, body = bytearray(data[:_CRC_AT]), damaged(data[_HEAD:], chance)
    return bytes(head) + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body


@dataclass(frozen=True, slots=True)
class Wrong:
    """A batch that breaks the contract: `aside` things must be put aside, of `kept` kinds the rows must be there."""

    payload: bytes
    kept: frozenset[int]


def wrong(device: str, chance: random.Random) -> Wrong:
    """Sealed, and wrong from the start: one record of the six, or the batch as a whole."""
    if chance.random() < 0.2:
        return Wrong(chance.choice(_WRONG_BATCHES)(device, chance), frozenset())
    place, change = chance.choice(_WRONG_RECORDS)
    kind, raw = encode_body(bodies()[place])
    value = msgspec.msgpack.decode(raw)
    change(value, chance)
    payload = batch(device, records({place: (kind, _pack(value))}))
    return Wrong(payload, frozenset(range(6)) - {place})


def _put(*path: Any, to: Callable[[random.Random], Any]) -> Callable[[Any, random.Random], None]:
    """Change what is at `path` of a body."""

    def change(value: Any, chance: random.Random) -> None:
        for key in path[:-1]:
            value = value[key]
        value[path[-1]] = to(chance)

    return change


def _impossible_time(chance: random.Random) -> int:
    return chance.choice((-1, 4_102_444_800_001, 2**62, -(2**40)))


def _no_number(chance: random.Random) -> float:
    return chance.choice((math.nan, math.inf, -math.inf))


def _no_name(chance: random.Random) -> str:
    return chance.choice(("", "a b", "x" * 101, "a\0b", "../etc", "<script>", "pv power\n"))


def _other_type(chance: random.Random) -> Any:
    return chance.choice(([], {}, "text", b"bytes", None, [[[]]], {"a": {"b": 1}}))


def _no_count(chance: random.Random) -> int:
    return chance.choice((-1, 10**9 + 1, 2**60))


def _deep(chance: random.Random) -> Any:
    value: Any = 1
    for _ in range(chance.choice((3, 50, 400))):
        value = [value]
    return value


_WRONG_RECORDS: Final[tuple[tuple[int, Callable[[Any, random.Random], None]], ...]] = (
    (0, _put(0, to=_impossible_time)),
    (0, _put(0, to=_other_type)),
    (0, _put(1, to=lambda chance: chance.choice((0, -900, 400 * 86_400 + 1)))),
    (0, _put(2, 0, 0, to=_no_name)),
    (0, _put(2, 0, 1, to=lambda chance: chance.choice((-7, 10, 300)))),
    (0, _put(2, 0, 2, to=lambda chance: chance.choice((2**60, -(2**60), "12", None)))),
    (0, _put(2, 1, 6, to=_no_count)),
    (0, _put(2, to=lambda _: [[PV_POWER, 0, 1, 0, 0, 0, 1]] * 501)),
    (0, _put(2, 0, to=_deep)),
    (1, _put(0, to=_impossible_time)),
    (1, _put(1, to=lambda chance: {PV_ENERGY_TOTAL: _no_number(chance)})),
    (1, _put(1, to=lambda _: {f"k{n}": 1.0 for n in range(201)})),
    (1, _put(1, to=lambda _: {"k" * 501: 1.0})),
    (2, _put(0, to=_no_name)),
    (2, _put(2, to=lambda chance: chance.choice(("begin", "", "START")))),
    (2, _put(3, to=_no_name)),
    (2, _put(4, to=lambda chance: chance.choice(("x" * 501, "a\0b")))),
    (2, _put(5, to=_impossible_time)),
    (2, _put(8, to=lambda chance: {PV_POWER: _no_number(chance)})),
    (3, _put(1, to=_no_name)),
    (3, _put(2, to=lambda chance: {"failures": _no_number(chance)})),
    (3, _put(2, to=_deep)),
    (4, _put(0, to=_other_type)),
    (4, _put(1, to=_no_name)),
    (4, _put(2, to=lambda chance: {"value": _no_number(chance)})),
    (4, _put(2, to=lambda _: {"deep": {"deeper": 1}})),
)

_WRONG_BATCHES: Final[tuple[Callable[[str, random.Random], bytes], ...]] = (
    lambda _device, _: batch("another-device"),
    lambda device, _: batch(device, [*records(), *records()]),
    lambda device, chance: batch(device, last=chance.randint(1, 5)),
    lambda device, _: _versioned(batch(device), 2),
    lambda _device, _: _bomb(),
)


def _versioned(data: bytes, version: int) -> bytes:
    head, body = bytearray(data[:_CRC_AT]), data[_HEAD:]
    head[2] = version
    return bytes(head) + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body


def _bomb() -> bytes:
    """A few KiB that would become 64 MiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(bytes(64 * 1024 * 1024)) + packer.flush()
    head = struct.pack(">2sBB8sQQ", b"EW", 1, 0, EPOCH, 1, 6)
    return head + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body


def odd(device: str, chance: random.Random) -> bytes:
    """Sealed, one leaf of one record replaced by anything at all: right or wrong, nobody knows beforehand."""
    place = chance.randrange(6)
    kind, raw = encode_body(bodies()[place])
    value = msgspec.msgpack.decode(raw)
    _replace_leaf(value, chance)
    if chance.random() < 0.05:
        kind = chance.choice(("raw", "summary", "x" * 200, "", "fault"))
    return batch(device, records({place: (kind, _pack(value))}))


def _replace_leaf(value: Any, chance: random.Random) -> None:
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = chance.choice(keys)
        inner = value[key]
        if isinstance(inner, list | dict) and inner and chance.random() < 0.8:
            value = inner
            continue
        value[key] = anything(chance)
        return


def anything(chance: random.Random) -> Any:
    """Of any kind and size."""
    return chance.choice(
        (
            lambda: chance.choice((0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1)),
            lambda: chance.choice((0.0, -0.0, 1e308, math.nan, math.inf, 5e-324)),
            lambda: chance.choice(("", "x", "x" * 10_000, "\0", "é" * 200, "\u202e", "2026-01-01", "<b>", "'; --")),
            lambda: None,
            lambda: chance.choice((True, False)),
            lambda: chance.randbytes(chance.randint(0, 50)),
            lambda: [anything(chance) for _ in range(chance.randint(0, 3))],
            lambda: {str(n): anything(chance) for n in range(chance.randint(0, 3))},
        )
    )()


def twin(chance: random.Random) -> bytes:
    """A reported or desired twin that cannot be one."""
    return chance.choice(_WRONG_TWINS)(chance)


def _nested(depth: int) -> str:
    return '{"version": 1, "doc": ' + '{"a": ' * depth + "1" + "}" * depth + "}"


_WRONG_TWINS: Final[tuple[Callable[[random.Random], bytes], ...]] = (
    lambda chance: damaged(encode_twin(TwinMessage(5, doc={"a": 1}), squeezed=True), chance)[:1] + b"\xff\xfe",
    lambda chance: json.dumps({"version": chance.choice((-1, 2**53 + 1, "1", None)), "doc": {}}).encode(),
    lambda _: json.dumps({"version": 1}).encode(),
    lambda _: json.dumps({"version": 1, "doc": {}, "patch": {}, "base": 0}).encode(),
    lambda chance: json.dumps({"version": 1, "doc": chance.choice(([], "x", 7))}).encode(),
    lambda chance: _nested(chance.choice((17, 100, 5_000))).encode(),
    lambda _: json.dumps({"version": 1, "doc": {"a": "x" * 70_000}}).encode(),
    lambda _: b"\x01" + _squeezed(b" " * 10_000_000),
    lambda chance: chance.randbytes(chance.randint(0, 300)).replace(b"{", b"!").replace(b"\x01", b"!"),
    lambda _: b'{"version": 1, "doc": {"a": NaN}}',
)


def _squeezed(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()
