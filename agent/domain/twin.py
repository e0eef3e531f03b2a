"""The device twin: JSON documents merged by RFC 7396, each with a version."""

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.domain.errors import BadMessage

Document = dict[str, Any]
MAX_DEPTH = 16
MAX_BYTES = 64 * 1024


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


def encode_twin(message: TwinMessage) -> bytes:
    return msgspec.json.encode(message)


def decode_twin(data: bytes) -> TwinMessage:
    """Raises `BadMessage` for what is no twin message, is too large or nested too deep."""
    if len(data) > MAX_BYTES:
        raise BadMessage(f"twin of {len(data)} bytes, at most {MAX_BYTES} allowed")
    try:
        message = msgspec.json.decode(data, type=TwinMessage)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadMessage(f"twin: {error}") from error
    if (message.doc is None) == (message.patch is None):
        raise BadMessage("twin: expected either doc or patch")
    if _depth(message.doc if message.doc is not None else message.patch) > MAX_DEPTH:
        raise BadMessage(f"twin: nested deeper than {MAX_DEPTH}")
    return message


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0
