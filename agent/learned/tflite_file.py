"""Reads a full-int8 TFLite file of fully connected layers, without any library.

A TFLite file is a FlatBuffer: tables with a list of offsets (the vtable) in front. Slots and numbers are those of
`schema.fbs` of TensorFlow Lite, schema version 3.
"""

import struct
from dataclasses import dataclass
from typing import Final

from agent.domain.errors import BadInput

_FULLY_CONNECTED: Final = 9
_INT8: Final = 9
_INT32: Final = 2
_RELU: Final = 1


@dataclass(frozen=True, slots=True)
class QuantisedLayer:
    """out = zero_out + (Σ (in − zero_in) × weights + bias) × in_scale × weight_scale / out_scale, rounded, int8.

    `weights` are int8, row by row of the outputs; `bias` little-endian int32.
    """

    rows: int
    columns: int
    weights: bytes
    bias: bytes
    in_scale: float
    in_zero: int
    weight_scale: float
    out_scale: float
    out_zero: int
    relu: bool


class _Table:
    """One table of the FlatBuffer."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        self._vtable = at - self._number("<i", at)
        self._slots = (self._number("<H", self._vtable) - 4) // 2

    def _number(self, form: str, at: int) -> int:
        return int(struct.unpack_from(form, self.data, at)[0])

    def field(self, slot: int) -> int:
        """Where a field lies, 0 when it has its default."""
        if slot >= self._slots:
            return 0
        offset = self._number("<H", self._vtable + 4 + 2 * slot)
        return self.at + offset if offset else 0

    def number(self, slot: int, form: str, default: int = 0) -> int:
        at = self.field(slot)
        return self._number(form, at) if at else default

    def _vector(self, slot: int) -> tuple[int, int]:
        at = self.field(slot)
        if not at:
            return 0, 0
        start = at + self._number("<I", at)
        length = self._number("<I", start)
        if length > len(self.data):
            raise BadInput(f"network: a list of {length} in a file of {len(self.data)} bytes")
        return start + 4, length

    def tables(self, slot: int) -> list["_Table"]:
        start, length = self._vector(slot)
        places = (start + 4 * i for i in range(length))
        return [_Table(self.data, at + self._number("<I", at)) for at in places]

    def table(self, slot: int) -> "_Table":
        at = self.field(slot)
        if not at:
            raise BadInput(f"network: a table lacks its field {slot}")
        return _Table(self.data, at + self._number("<I", at))

    def numbers(self, slot: int, form: str) -> list[float]:
        start, length = self._vector(slot)
        return list(struct.unpack_from(f"<{length}{form}", self.data, start)) if length else []

    def bytes_of(self, slot: int) -> bytes:
        start, length = self._vector(slot)
        return self.data[start : start + length]


def layers_of(data: bytes) -> list[QuantisedLayer]:
    """The layers of a network, first to last. Raises `BadInput` for a file that is anything else."""
    if data[4:8] != b"TFL3":
        raise BadInput("network: is no TFLite file")
    try:
        return _layers(data)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise BadInput(f"network: damaged TFLite file: {error}") from error


def _layers(data: bytes) -> list[QuantisedLayer]:
    model = _Table(data, struct.unpack_from("<I", data, 0)[0])
    for code in model.tables(1):
        if max(code.number(0, "<b"), code.number(3, "<i")) != _FULLY_CONNECTED:
            raise BadInput("network: expected fully connected layers only")
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors, found, flows = graph.tables(0), [], int(graph.numbers(1, "i")[0])
    for operator in graph.tables(3):
        source, weights, bias = (int(place) for place in operator.numbers(1, "i"))
        target = int(operator.numbers(2, "i")[0])
        if source != flows:
            raise BadInput("network: expected one layer behind the other")
        flows = target
        relu = bool(operator.field(4)) and operator.table(4).number(0, "<b") == _RELU
        found.append(_layer(tensors, buffers, source, weights, bias, target, relu=relu))
    if not found or flows != int(graph.numbers(2, "i")[0]):
        raise BadInput("network: its last layer is not its output")
    return found


def _layer(
    tensors: list[_Table], buffers: list[_Table], source: int, weights: int, bias: int, target: int, *, relu: bool
) -> QuantisedLayer:
    rows, columns = (int(size) for size in tensors[weights].numbers(0, "i"))
    kinds = [tensors[each].number(1, "<b") for each in (source, weights, bias, target)]
    if kinds != [_INT8, _INT8, _INT32, _INT8]:
        raise BadInput("network: expected int8 throughout, with int32 biases")
    (in_scale, in_zero), (weight_scale, weight_zero), (out_scale, out_zero) = (
        _quantisation(tensors[each]) for each in (source, weights, target)
    )
    stored = buffers[tensors[weights].number(2, "<I")].bytes_of(0)
    offsets = buffers[tensors[bias].number(2, "<I")].bytes_of(0)
    if weight_zero or len(stored) != rows * columns or len(offsets) != 4 * rows:
        raise BadInput("network: weights or biases are not of their size")
    return QuantisedLayer(
        rows, columns, stored, offsets, in_scale, in_zero, weight_scale, out_scale, out_zero, relu
    )  # fmt: skip


def _quantisation(tensor: _Table) -> tuple[float, int]:
    parameters = tensor.table(4)
    scale, zero = parameters.numbers(2, "f"), parameters.numbers(3, "q")
    if len(scale) != 1 or len(zero) != 1 or scale[0] <= 0.0:
        raise BadInput("network: expected one scale and one zero point a tensor")
    return scale[0], int(zero[0])
