"""Batches as a device would send them."""

from collections.abc import Sequence

import msgspec

from agent.domain.wire import Batch, Body, Record, encode_batch, encode_body
from cloud.ports import Arrival
from tests.helpers.uplinks import START_MS

DEVICE = "site-01"
EPOCH = b"\x01\x02\x03\x04\x05\x06\x07\x08"


def record(seq: int, body: Body, at_ms: int = START_MS) -> Record:
    """One record."""
    kind, raw = encode_body(body)
    return Record(seq, kind, at_ms, msgspec.Raw(raw))


def batch(first: int, bodies: Sequence[Body], *, device: str = DEVICE, epoch: bytes = EPOCH) -> bytes:
    """The encoded batch that starts at `first`."""
    records = [record(first + step, body) for step, body in enumerate(bodies)]
    return encode_batch(Batch(device, epoch, first, first + max(len(records), 1) - 1, records))


def arrival(payload: bytes, *, device: str = DEVICE, received_ms: int = START_MS) -> Arrival:
    """It came in."""
    return Arrival(device, payload, received_ms)
