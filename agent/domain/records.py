"""What a device has to tell: the kinds of records, each readable by itself."""

from typing import Final

import msgspec

from agent.domain.errors import BadMessage


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


_encoder: Final = msgspec.msgpack.Encoder()
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
