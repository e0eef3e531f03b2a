"""Records into rows: pure. What is implausible is refused here, one record at a time."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from agent.domain.errors import BadMessage
from agent.domain.wire import Energy, Event, Fault, Record, Reliability, SignalSummary, Summary, Unknown, decode_body
from cloud.store import schema

Row = dict[str, Any]
Rows = list[tuple[str, Row]]

LATEST_MS: Final = 4_102_444_800_000
_STEPS: Final = {"start": 0, "update": 1, "end": 2}
_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_MAX_INTEGER: Final = 2**53
_MAX_COUNT: Final = 10**9
_MAX_WINDOW_S: Final = 400 * 86_400
_MAX_SIGNALS: Final = 500
_MAX_ENTRIES: Final = 200
_MAX_TEXT: Final = 500
_DECIMALS: Final = range(-6, 10)


def rows_of(device: str, epoch: str, record: Record) -> Rows:
    """`(table, row)` of everything in one record. Raises `BadMessage` for what breaks the contract or a limit."""
    _time(record.at_ms, "at_ms")
    _count(record.clock, "clock")
    body = decode_body(record.kind, record.body)
    if isinstance(body, Summary):
        return _summary(device, record, body)
    if isinstance(body, Energy):
        return _energy(device, body)
    if isinstance(body, Fault):
        return _fault(device, record, body)
    if isinstance(body, Reliability):
        return _reliability(device, epoch, record, body)
    if isinstance(body, Event):
        return _event(device, record, body)
    return _other(device, record, body)


def _summary(device: str, record: Record, body: Summary) -> Rows:
    _time(body.start_ms, "start_ms")
    if not 1 <= body.window_s <= _MAX_WINDOW_S:
        raise BadMessage(f"window_s {body.window_s}, expected 1..{_MAX_WINDOW_S}")
    if len(body.signals) > _MAX_SIGNALS:
        raise BadMessage(f"{len(body.signals)} signals, at most {_MAX_SIGNALS} allowed")
    if not 1 <= body.merged <= _MAX_COUNT:
        raise BadMessage(f"merged {body.merged}, expected at least 1")
    table = schema.summaries.name
    return [(table, _signal(device, record.clock, body, signal)) for signal in body.signals]


def _signal(device: str, clock: int, window: Summary, item: SignalSummary) -> Row:
    _name(item.signal, "signal")
    if item.decimals not in _DECIMALS:
        raise BadMessage(f"{item.signal}: decimals {item.decimals}, expected {_DECIMALS.start}..{_DECIMALS.stop - 1}")
    for count in (item.n, item.stale, item.missing, item.invalid, item.estimated):
        _count(count, item.signal)
    low, high, last = item.mean - item.below, item.mean + item.above, item.mean + item.last
    if max(abs(item.mean), abs(low), abs(high), abs(last)) > _MAX_INTEGER:
        raise BadMessage(f"{item.signal}: a value beyond {_MAX_INTEGER}")
    known, places = item.n > 0, item.decimals
    return {
        "device": device,
        "signal": item.signal,
        "start_ms": window.start_ms,
        "window_s": window.window_s,
        "mean": _value(item.mean, places) if known else None,
        "low": _value(low, places) if known else None,
        "high": _value(high, places) if known else None,
        "last": _value(last, places) if known else None,
        "n": item.n,
        "stale": item.stale,
        "missing": item.missing,
        "invalid": item.invalid,
        "estimated": item.estimated,
        "merged": window.merged,
        "clock": clock,
    }


def _value(number: int, decimals: int) -> float:
    """Division, not multiplication by 0.1: 237 with one decimal is then exactly the float 23.7."""
    return number / 10**decimals if decimals >= 0 else float(number * 10**-decimals)


def _energy(device: str, body: Energy) -> Rows:
    _time(body.at_ms, "at_ms")
    _numbers(body.counters, "counters")
    row = {"device": device, "at_ms": body.at_ms, "counters": _json(body.counters), "measured": body.measured}
    return [(schema.energy.name, row)]


def _fault(device: str, record: Record, body: Fault) -> Rows:
    step = _STEPS.get(body.phase)
    if step is None:
        raise BadMessage(f"fault phase {body.phase!r}, expected one of {', '.join(_STEPS)}")
    for text, field in ((body.id, "id"), (body.code, "code"), (body.severity, "severity")):
        _name(text, field)
    _text(body.component, "component")
    _time(body.start_ms, "start_ms")
    if body.end_ms is not None:
        _time(body.end_ms, "end_ms")
    _finite((body.failing_s, body.lost_wh), "failing_s, lost_wh")
    _numbers(body.evidence, "evidence")
    row = {
        "device": device,
        "id": body.id,
        "code": body.code,
        "severity": body.severity,
        "component": body.component,
        "start_ms": body.start_ms,
        "end_ms": body.end_ms if body.end_ms is not None or step < _STEPS["end"] else record.at_ms,
        "failing_s": body.failing_s,
        "evidence": _json(body.evidence),
        "lost_wh": body.lost_wh,
        "step": step,
        "at_ms": record.at_ms,
    }
    return [(schema.faults.name, row)]


def _reliability(device: str, epoch: str, record: Record, body: Reliability) -> Rows:
    _time(body.at_ms, "at_ms")
    _name(body.code, "code")
    _numbers(body.state, "state")
    state = _json(body.state)
    row = {
        "device": device,
        "code": body.code,
        "at_ms": body.at_ms,
        "epoch": epoch,
        "seq": record.seq,
        "state": state,
    }
    return [(schema.reliability.name, row)]


def _event(device: str, record: Record, body: Event) -> Rows:
    _time(body.at_ms, "at_ms")
    _name(body.name, "name")
    _entries(body.detail, "detail")
    _finite((value for value in body.detail.values() if isinstance(value, (int, float))), "detail")
    detail = _json(body.detail)
    row = {"device": device, "at_ms": body.at_ms, "seq": record.seq, "name": body.name, "detail": detail}
    return [(schema.events.name, row)]


def _other(device: str, record: Record, body: Unknown) -> Rows:
    _name(body.kind, "kind")
    row = {"device": device, "at_ms": record.at_ms, "seq": record.seq, "kind": body.kind, "raw": body.raw}
    return [(schema.others.name, row)]


def _time(at_ms: int, field: str) -> None:
    if not 0 <= at_ms <= LATEST_MS:
        raise BadMessage(f"{field} {at_ms}, expected a time between 1970 and 2100")


def _count(count: int, field: str) -> None:
    if not 0 <= count <= _MAX_COUNT:
        raise BadMessage(f"{field}: count {count}, expected 0..{_MAX_COUNT}")


def _name(text: str, field: str) -> None:
    if _NAME.fullmatch(text) is None:
        raise BadMessage(f"{field} {text[:40]!r}, expected a name of at most 100 letters, digits or _.:-")


def _text(text: str, field: str) -> None:
    if len(text) > _MAX_TEXT or "\0" in text:
        raise BadMessage(f"{field}: {len(text)} characters, at most {_MAX_TEXT} allowed, none of them NUL")


def _numbers(values: Mapping[str, float | int | None], field: str) -> None:
    _entries(values, field)
    _finite(values.values(), field)


def _entries(values: Mapping[str, object], field: str) -> None:
    if len(values) > _MAX_ENTRIES:
        raise BadMessage(f"{field}: {len(values)} entries, at most {_MAX_ENTRIES} allowed")
    for key in values:
        _text(key, field)


def _finite(values: Iterable[float | int | None], field: str) -> None:
    for value in values:
        if value is not None and not math.isfinite(value):
            raise BadMessage(f"{field}: {value} is not a number that can be kept")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
