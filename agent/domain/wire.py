"""Records, batches and acknowledgements: the bytes between a device and the aggregator, version 1.

A batch on the wire is a fixed header, then the zlib-compressed MessagePack of its records:

    "EW" | version u8 | flags u8 (0) | epoch 8 bytes | first u64 | last u64 | crc32 u32 | body

The body is the device, the records that travel as they are, and the tables that hold the others: a record that comes
out of a table is byte for byte the one that went in (`agent.domain.tables`).

Numbers are big-endian. The checksum is taken over header (with the checksum itself left out) and body, so that
damage on the way is told from a batch that was wrong from the start. The range `first`..`last` is a promise: every
record that the journal still holds in it is in the batch. Some may be missing, because old summaries were merged.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import msgspec

from agent.domain.errors import BadMessage
from agent.domain.records import Body as Body
from agent.domain.records import Energy as Energy
from agent.domain.records import Event as Event
from agent.domain.records import Fault as Fault
from agent.domain.records import Record as Record
from agent.domain.records import Reliability as Reliability
from agent.domain.records import SignalSummary as SignalSummary
from agent.domain.records import Summary as Summary
from agent.domain.records import Unknown as Unknown
from agent.domain.records import decode_body as decode_body
from agent.domain.records import encode_body as encode_body
from agent.domain.tables import MAX_NUMBERS, EnergyTable, Shelf, SummaryTable, put_together, take_apart

VERSION: Final = 1
EPOCH_BYTES: Final = 8
MAX_BATCH_BYTES: Final = 256 * 1024
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
MAX_RECORDS: Final = 5_000
MAX_SEQ: Final = 2**63 - 1

# Frozen with version 1: what a short batch would otherwise have to spell out. Never change it, add a version.
_DICTIONARY: Final = (
    b"\xb4battery_not_charging\xb3no_solar_production\xb3pv_underperformance\xbabattery_imbalance_soc_jump\xaeinve"
    b"rter_alarm\xd9!export_while_battery_could_charge\xb3sign_or_scale_error\xa7no_heat\xadshort_cycling\xa7hunti"
    b"ng\xb2flat_heating_curve\xb1room_sensor_stuck\xafsensors_swapped\xbaoutdoor_sensor_implausible\xadroom_too_c"
    b"old\xb2low_water_pressure\xaeboiler_lockout\xa3gap\xabstuck_value\xacout_of_range\xabclock_error\xb2device_u"
    b"nreachable\xb1unusual_behaviour\xa7restart\xa5start\xa7version\xa6starts\xa6reason\xaaclock_step\xa4by_s\xae"
    b"config_applied\xa8rollback\xafjournal_damaged\xa6update\xa3end\xa8critical\xa4info\xa7warning\xb3worst_batte"
    b"ry_power\xb4worst_water_pressure\xacboiler_fault\xa9burner_on\xafdhw_temperature\xb0flow_temperature\xb3outd"
    b"oor_temperature\xa7pump_on\xb2return_temperature\xb0room_temperature\xaewater_pressure\xabreliability\xcf"
    b"\x00\x00\x01\x97\x93\xb2device_unreachable\xabreliability\xcf\x00\x00\x01\x97\x93\xaeinverter_alarm\xabrelia"
    b"bility\xcf\x00\x00\x01\x97\x93\xb3no_solar_production\xabreliability\xcf\x00\x00\x01\x97\x93\xb4battery_not_"
    b"charging\x88\xa8failures\x00\xa7repairs\x00\xa5up_ms\x00\xa7down_ms\x00\xb2published_failures\x00\xb1publish"
    b"ed_minutes\x00\xafpublished_first\xc0\xaepublished_last\xc0\xa5fault\xa5event\xa6energy\xa7summary\xa3raw"
    b"\xa5model\x96\xafpv_energy_total\xb1load_energy_total\xb4battery_charge_total\xb7battery_discharge_total\xb1"
    b"grid_import_total\xb1grid_export_total\x9d\xadbattery_power\xabbattery_soc\xb3battery_temperature\xb1grid_ex"
    b"port_total\xb1grid_import_total\xaagrid_power\xaeinverter_alarm\xaeinverter_state\xb4inverter_temperature"
    b"\xaaload_power\xb3outdoor_temperature\xafpv_energy_total\xa8pv_power\x98\xadbattery_power\xabbattery_soc\xb3"
    b"battery_temperature\xaagrid_power\xb4inverter_temperature\xaaload_power\xb3outdoor_temperature\xa8pv_power"
    b"\x98\x00\x01\x01\x00\x01\x00\x01\x00\x90\x91\x97\x01\xcf\x00\x00\x01\x9c\x00\x00\x00\x00\xcd\x03\x84\x01\x0c"
)
_HEADER: Final = struct.Struct(">2sBB8sQQ")
_CRC: Final = struct.Struct(">I")
_HEAD_BYTES: Final = _HEADER.size + _CRC.size
# What MessagePack puts before a string of some hundred bytes; a wrong guess costs a bit of compression, nothing else.
_LENGTH_BYTES: Final = 2


class _Content(msgspec.Struct, array_like=True, frozen=True):
    """The two strings of numbers stand last, so that each can be compressed by its own kind."""

    device: str
    records: Sequence[Record]
    summaries: Sequence[SummaryTable] = []
    energies: Sequence[EnergyTable] = []
    low: bytes = b""
    high: bytes = b""


class Batch(msgspec.Struct, frozen=True):
    """Records of one device and epoch, covering the closed range `first`..`last` of its journal."""

    device: str
    epoch: bytes
    first: int
    last: int
    records: list[Record]


class Header(msgspec.Struct, frozen=True):
    """What can be read of a batch without opening its body."""

    version: int
    epoch: bytes
    first: int
    last: int


_encoder: Final = msgspec.msgpack.Encoder()
_content_decoder: Final = msgspec.msgpack.Decoder(_Content)


def encode_batch(batch: Batch) -> bytes:
    """The batch as it travels."""
    shelf = take_apart(batch.records)
    if len(shelf.low) > MAX_NUMBERS:
        shelf = Shelf(batch.records)
    content = _encoder.encode(_Content(batch.device, *shelf))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    body = b"".join(packer.compress(piece) + packer.flush(ending) for piece, ending in _pieces(content, shelf))
    head = _HEADER.pack(b"EW", VERSION, 0, batch.epoch, batch.first, batch.last)
    return head + _CRC.pack(zlib.crc32(body, zlib.crc32(head))) + body


def _pieces(content: bytes, shelf: Shelf) -> Iterator[tuple[bytes, int]]:
    """The content in parts that are alike in themselves: a new block of the compressor for each."""
    high = len(content) - len(shelf.high)
    low = max(0, high - len(shelf.low) - _LENGTH_BYTES)
    if shelf.low:
        yield content[:low], zlib.Z_BLOCK
        yield content[low:high], zlib.Z_BLOCK
        yield content[high:], zlib.Z_FINISH
    else:
        yield content, zlib.Z_FINISH


def decode_header(data: bytes) -> Header:
    """Header of a batch whose checksum holds. Raises `BadMessage`, `damaged` when sending again may help."""
    if len(data) > MAX_BATCH_BYTES:
        raise BadMessage(f"batch of {len(data)} bytes, at most {MAX_BATCH_BYTES} allowed")
    if len(data) < _HEAD_BYTES or data[:2] != b"EW":
        raise BadMessage(f"{len(data)} bytes that do not start with a batch header", damaged=True)
    _, version, _, epoch, first, last = _HEADER.unpack_from(data)
    (crc,) = _CRC.unpack_from(data, _HEADER.size)
    if zlib.crc32(data[_HEAD_BYTES:], zlib.crc32(data[: _HEADER.size])) != crc:
        raise BadMessage("checksum does not match", damaged=True)
    if not 1 <= first <= last <= MAX_SEQ:
        raise BadMessage(f"range {first}..{last} is not one")
    return Header(version, epoch, first, last)


def decode_batch(data: bytes) -> Batch:
    """The batch in `data`, its records' bodies still closed. Raises `BadMessage`."""
    header = decode_header(data)
    if header.version != VERSION:
        raise BadMessage(f"batch of version {header.version}, this program reads version {VERSION}")
    try:
        content = _content_decoder.decode(_inflate(data[_HEAD_BYTES:]))
        shelf = Shelf(content.records, content.summaries, content.energies, content.low, content.high)
        records = put_together(shelf, MAX_RECORDS, MAX_BODY_BYTES)
    except (msgspec.DecodeError, zlib.error, RecursionError, ValueError) as error:
        raise BadMessage(f"batch body: {error}") from error
    _check_order(header, records)
    return Batch(content.device, header.epoch, header.first, header.last, records)


def _inflate(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(-15, _DICTIONARY)
    content = unpacker.decompress(body, MAX_BODY_BYTES)
    if unpacker.unconsumed_tail or not unpacker.eof or unpacker.unused_data:
        raise BadMessage(f"batch body is not one stream of at most {MAX_BODY_BYTES} bytes")
    return content


def _check_order(header: Header, records: Sequence[Record]) -> None:
    before = header.first - 1
    for record in records:
        if not before < record.seq <= header.last:
            raise BadMessage(f"record {record.seq} is out of order in {header.first}..{header.last}")
        before = record.seq


class Rejected(msgspec.Struct, frozen=True):
    """Records `first`..`last` were put aside by the aggregator, for this reason."""

    first: int
    last: int
    reason: str


class Ack(msgspec.Struct, frozen=True, omit_defaults=True):
    """The aggregator's position: everything of `epoch` up to `through` is committed.

    `through` lower than what the device sent from means: send again from there. `slow_s` asks the device to wait that
    many seconds between batches. `want_twin` asks for the whole reported document.
    """

    epoch: str
    through: int
    rejected: list[Rejected] = []
    slow_s: float = 0.0
    want_twin: bool = False


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """Online or offline; also the last will, in which `since_ms` is unknown."""

    state: str
    since_ms: int | None = None


def encode_ack(ack: Ack) -> bytes:
    return msgspec.json.encode(ack)


def decode_ack(data: bytes) -> Ack:
    """Raises `BadMessage`."""
    return _decode_json(data, Ack)


def encode_status(status: Status) -> bytes:
    return msgspec.json.encode(status)


def decode_status(data: bytes) -> Status:
    """Raises `BadMessage`."""
    return _decode_json(data, Status)


_T = TypeVar("_T")


def _decode_json(data: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadMessage(f"{kind.__name__.lower()}: {error}") from error


_DEVICE_ID: Final = re.compile(r"[a-z0-9-]{3,40}")


def is_device_id(text: str) -> bool:
    """Whether `text` may name a device: `[a-z0-9-]{3,40}`."""
    return _DEVICE_ID.fullmatch(text) is not None


def topic(device: str, leaf: str) -> str:
    """`ew/1/{device}/{leaf}`.

    >>> topic("site-01", UP)
    'ew/1/site-01/up'
    """
    return f"ew/{VERSION}/{device}/{leaf}"


def parse_topic(text: str) -> tuple[str, str]:
    """`(device, leaf)` of a topic. Raises `BadMessage`."""
    parts = text.split("/", 3)
    if len(parts) != 4 or parts[0] != "ew" or parts[1] != str(VERSION) or not is_device_id(parts[2]):
        raise BadMessage(f"topic {text!r} is not ew/{VERSION}/{{device}}/…")
    return parts[2], parts[3]


UP: Final = "up"
ACK: Final = "ack"
STATUS: Final = "status"
TWIN_REPORTED: Final = "twin/reported"
TWIN_DESIRED: Final = "twin/desired"
