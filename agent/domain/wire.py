"""Records, batches and acknowledgements: the bytes between a device and the aggregator, version 1.

A batch on the wire is a fixed header, then the zlib-compressed MessagePack of its records:

    "EW" | version u8 | flags u8 (0) | epoch 8 bytes | first u64 | last u64 | crc32 u32 | body

Numbers are big-endian. The checksum is taken over header (with the checksum itself left out) and body, so that
damage on the way is told from a batch that was wrong from the start. The range `first`..`last` is a promise: every
record that the journal still holds in it is in the batch. Some may be missing, because old summaries were merged.
"""

import re
import struct
import zlib
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from agent.domain.errors import BadMessage

VERSION: Final = 1
EPOCH_BYTES: Final = 8
MAX_BATCH_BYTES: Final = 256 * 1024
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
MAX_RECORDS: Final = 5_000
MAX_SEQ: Final = 2**63 - 1

# Frozen with version 1: what a short batch would otherwise have to spell out. Never change it, add a version.
_DICTIONARY: Final = (
    b"unusual_behaviour device_unreachable boiler_lockout low_water_pressure room_too_cold sensors_swapped "
    b"room_sensor_stuck flat_heating_curve hunting short_cycling no_heat sign_or_scale_error inverter_alarm "
    b"pv_underperformance no_solar_production battery_not_charging counters evidence detail start update end "
    b"event reliability energy fault summary boiler_fault water_pressure pump_on burner_on dhw_temperature "
    b"return_temperature flow_temperature room_temperature outdoor_temperature load_energy_total "
    b"battery_discharge_total battery_charge_total grid_export_total grid_import_total pv_energy_total "
    b"inverter_alarm inverter_state inverter_temperature battery_temperature battery_soc grid_power "
    b"battery_power load_power pv_power"
)
_HEADER: Final = struct.Struct(">2sBB8sQQ")
_CRC: Final = struct.Struct(">I")
_HEAD_BYTES: Final = _HEADER.size + _CRC.size


class SignalSummary(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One signal over one window, in integers of 10**-decimals of its unit: small numbers make short batches.

    The lowest value is `mean` - `below`, the highest `mean` + `above`, the last `mean` + `last`. `n` counts good
    samples; with `n` = 0 the four mean nothing. The rest count samples without a good value.
    """

    signal: str
    decimals: int
    mean: int
    below: int
    above: int
    last: int
    n: int
    stale: int = 0
    missing: int = 0
    invalid: int = 0
    estimated: int = 0


class Summary(msgspec.Struct, array_like=True, frozen=True):
    """All signals over the window `start_ms` … `start_ms` + `window_s`. `merged` windows were joined into it."""

    start_ms: int
    window_s: int
    signals: list[SignalSummary]
    merged: int = 1


class Energy(msgspec.Struct, array_like=True, frozen=True):
    """Lifetime counters in Wh at `at_ms`. `measured` is false where they are integrals of power."""

    at_ms: int
    counters: dict[str, float]
    measured: bool = True


class Fault(msgspec.Struct, array_like=True, frozen=True):
    """One step in a fault's life: `phase` is "start", "update" or "end". `id` stays the same through all of them.

    `failing_s` is the time it was seen failing, in seconds; `lost_wh` what it cost, where that is known.
    """

    id: str
    code: str
    phase: str
    severity: str
    component: str
    start_ms: int
    end_ms: int | None = None
    failing_s: float = 0.0
    evidence: dict[str, float] = {}
    lost_wh: float | None = None


class Reliability(msgspec.Struct, array_like=True, frozen=True):
    """MTBF state of one fault code at `at_ms`: `agent.domain.reliability` reads `state` back."""

    at_ms: int
    code: str
    state: dict[str, float | int | None]


class Event(msgspec.Struct, array_like=True, frozen=True):
    """Something that happened to the device itself: restart, clock step, configuration applied."""

    at_ms: int
    name: str
    detail: dict[str, str | int | float | bool | None] = {}


class Unknown(msgspec.Struct, frozen=True):
    """A record of a kind that this version does not know, kept as it came."""

    kind: str
    raw: bytes


Body = Summary | Energy | Fault | Reliability | Event | Unknown
_KINDS: Final[dict[str, type[Summary | Energy | Fault | Reliability | Event]]] = {
    "summary": Summary,
    "energy": Energy,
    "fault": Fault,
    "reliability": Reliability,
    "event": Event,
}
_KIND_OF: Final = {cls: kind for kind, cls in _KINDS.items()}


class Record(msgspec.Struct, array_like=True, frozen=True):
    """One journal record. `(device, epoch, seq)` is its identity. `clock`: 0 known, 1 corrected, 2 estimated."""

    seq: int
    kind: str
    at_ms: int
    body: msgspec.Raw
    clock: int = 0


class _Content(msgspec.Struct, array_like=True, frozen=True):
    device: str
    records: list[Record]


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
_decoders: Final = {kind: msgspec.msgpack.Decoder(cls) for kind, cls in _KINDS.items()}


def encode_body(body: Body) -> tuple[str, bytes]:
    """`(kind, bytes)` of a record's body."""
    if isinstance(body, Unknown):
        return body.kind, body.raw
    return _KIND_OF[type(body)], _encoder.encode(body)


def decode_body(kind: str, raw: bytes | msgspec.Raw) -> Body:
    """The body of a record; an unknown kind is kept as it is. Raises `BadMessage`."""
    decoder = _decoders.get(kind)
    if decoder is None:
        return Unknown(kind, bytes(raw))
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadMessage(f"{kind} record: {error}") from error


def encode_batch(batch: Batch) -> bytes:
    """The batch as it travels."""
    content = _encoder.encode(_Content(batch.device, batch.records))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    body = packer.compress(content) + packer.flush()
    head = _HEADER.pack(b"EW", VERSION, 0, batch.epoch, batch.first, batch.last)
    return head + _CRC.pack(zlib.crc32(body, zlib.crc32(head))) + body


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
    except (msgspec.DecodeError, zlib.error, RecursionError, ValueError) as error:
        raise BadMessage(f"batch body: {error}") from error
    _check_order(header, content.records)
    return Batch(content.device, header.epoch, header.first, header.last, content.records)


def _inflate(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(-15, _DICTIONARY)
    content = unpacker.decompress(body, MAX_BODY_BYTES)
    if unpacker.unconsumed_tail or not unpacker.eof or unpacker.unused_data:
        raise BadMessage(f"batch body is not one stream of at most {MAX_BODY_BYTES} bytes")
    return content


def _check_order(header: Header, records: Sequence[Record]) -> None:
    if len(records) > MAX_RECORDS:
        raise BadMessage(f"{len(records)} records, at most {MAX_RECORDS} allowed")
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
