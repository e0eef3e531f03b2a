"""What a group of messages does to the tables, decided without touching them: pure.

The rule of positions: a batch counts when it starts at most one behind what is committed of its journal; what of it is
known already is skipped. A batch behind a gap is not taken: the answer, which names the position, makes the device
send from there.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from agent.domain.errors import BadMessage
from agent.domain.wire import UP, Ack, Batch, Header, Rejected, decode_batch, decode_header, encode_batch, topic
from cloud.ports import Arrival
from cloud.store import schema
from cloud.store.rows import Row, rows_of

_MAX_NAMED: Final = 50


class Intake:
    """Collects rows and positions; `through` is what is committed by (device, epoch), `latest` each device's epoch."""

    def __init__(self, through: Mapping[tuple[str, str], int], latest: Mapping[str, str]) -> None:
        self._through = dict(through)
        self._latest = dict(latest)
        self._answer: dict[str, None] = {}
        self._rejected: dict[str, list[Rejected]] = defaultdict(list)
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.seen_ms: dict[str, int] = {}
        self.advanced: dict[tuple[str, str], int] = {}

    def take(self, arrival: Arrival) -> None:
        """One message, in the order of arrival."""
        device = arrival.device
        try:
            header = decode_header(arrival.payload)
        except BadMessage as error:
            self._put_aside(arrival, arrival.payload, error.reason)
            if device in self._latest:
                self._answer[device] = None
            return
        epoch = header.epoch.hex()
        self._answer[device] = None
        self._latest[device] = epoch
        self.seen_ms[device] = max(arrival.received_ms, self.seen_ms.get(device, 0))
        through = self._through.get((device, epoch), 0)
        if header.first <= through + 1 and header.last > through:
            self._apply(arrival, header, epoch, through)

    def take_again(self, arrival: Arrival) -> None:
        """All records of a message that was put aside, whatever is committed. Raises `BadMessage`."""
        batch = _open(arrival)
        self._take_records(arrival, batch, batch.epoch.hex(), 0)

    def acks(self, without_twin: frozenset[str]) -> list[tuple[str, Ack]]:
        """What to answer once everything is committed."""
        return [(device, self._ack(device, device in without_twin)) for device in self._answer]

    def _ack(self, device: str, want_twin: bool) -> Ack:
        epoch = self._latest[device]
        through = self._through.get((device, epoch), 0)
        return Ack(epoch, through, self._rejected.get(device, []), want_twin=want_twin)

    def _apply(self, arrival: Arrival, header: Header, epoch: str, through: int) -> None:
        try:
            batch = _open(arrival)
        except BadMessage as error:
            self._put_aside(arrival, arrival.payload, error.reason)
            self._reject(arrival.device, max(header.first, through + 1), header.last, error.reason)
        else:
            self._take_records(arrival, batch, epoch, through)
        self._through[arrival.device, epoch] = header.last
        self.advanced[arrival.device, epoch] = header.last

    def _take_records(self, arrival: Arrival, batch: Batch, epoch: str, through: int) -> None:
        for record in batch.records:
            if record.seq <= through:
                continue
            try:
                rows = rows_of(arrival.device, epoch, record)
            except BadMessage as error:
                # With all that belongs to it, so that it can be read and taken again by itself.
                alone = encode_batch(Batch(arrival.device, batch.epoch, record.seq, record.seq, [record]))
                self._put_aside(arrival, alone, f"record {record.seq} of {epoch}: {error.reason}")
                self._reject(arrival.device, record.seq, record.seq, error.reason)
                continue
            for table, row in rows:
                self.rows[table].append(row)

    def _put_aside(self, arrival: Arrival, payload: bytes, reason: str) -> None:
        row = {
            "device": arrival.device,
            "topic": topic(arrival.device, UP),
            "received_ms": arrival.received_ms,
            "reason": reason,
            "payload": payload,
        }
        self.rows[schema.quarantine.name].append(row)

    def _reject(self, device: str, first: int, last: int, reason: str) -> None:
        """Name it in the answer: neighbours together, and not more of them than an answer should hold."""
        named = self._rejected[device]
        if named and ((named[-1].last + 1 == first and named[-1].reason == reason) or len(named) == _MAX_NAMED):
            named[-1] = Rejected(named[-1].first, last, named[-1].reason)
        else:
            named.append(Rejected(first, last, reason))


def _open(arrival: Arrival) -> Batch:
    batch = decode_batch(arrival.payload)
    if batch.device != arrival.device:
        raise BadMessage(f"batch of device {batch.device[:40]!r} on the topic of {arrival.device!r}")
    return batch
