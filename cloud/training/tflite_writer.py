"""Writes int8 layers as a TFLite file with flatbuffers: the few tables of `schema.fbs`, version 3, that it takes."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from cloud.training.quantise import Int8Layer

_VERSION: Final = 3
_FULLY_CONNECTED: Final = 9
_FULLY_CONNECTED_OPTIONS: Final = 8
_OPERATOR_VERSION: Final = 4
_INT8: Final = 9
_INT32: Final = 2
_RELU: Final = 1


class _Writer:
    """A FlatBuffer under construction, and the tensors and buffers so far."""

    def __init__(self) -> None:
        import flatbuffers

        self.builder: Any = flatbuffers.Builder(16 * 1024)
        self.tensors: list[int] = []
        self.buffers: list[int] = [self.table(1)]  # buffer 0 is empty by convention

    def table(self, fields: int, *fill: Callable[[Any], None]) -> int:
        self.builder.StartObject(fields)
        for each in fill:
            each(self.builder)
        return int(self.builder.EndObject())

    def offsets(self, items: Sequence[int]) -> int:
        self.builder.StartVector(4, len(items), 4)
        for item in reversed(items):
            self.builder.PrependUOffsetTRelative(item)
        return int(self.builder.EndVector())

    def array(self, values: Any) -> int:
        return int(self.builder.CreateNumpyVector(np.ascontiguousarray(values)))

    def buffer(self, values: Any) -> int:
        """A buffer aligned to 16 bytes, as runtimes want it."""
        data = np.frombuffer(np.ascontiguousarray(values).tobytes(), dtype=np.uint8)
        self.builder.StartVector(1, len(data), 16)
        self.builder.head = self.builder.head - len(data)
        self.builder.Bytes[self.builder.head : self.builder.head + len(data)] = data.tobytes()
        place = int(self.builder.EndVector())
        self.buffers.append(self.table(1, lambda b: b.PrependUOffsetTRelativeSlot(0, place, 0)))
        return len(self.buffers) - 1

    def tensor(self, name: str, shape: Sequence[int], kind: int, scale: float, zero: int, buffer: int = 0) -> int:
        shape_at = self.array(np.array(shape, dtype=np.int32))
        scales, zeros = self.array(np.array([scale], dtype=np.float32)), self.array(np.array([zero], dtype=np.int64))
        quantised = self.table(
            7,
            lambda b: b.PrependUOffsetTRelativeSlot(2, scales, 0),
            lambda b: b.PrependUOffsetTRelativeSlot(3, zeros, 0),
        )
        named = int(self.builder.CreateString(name))
        self.tensors.append(
            self.table(
                9,
                lambda b: b.PrependUOffsetTRelativeSlot(0, shape_at, 0),
                lambda b: b.PrependInt8Slot(1, kind, 0),
                lambda b: b.PrependUint32Slot(2, buffer, 0),
                lambda b: b.PrependUOffsetTRelativeSlot(3, named, 0),
                lambda b: b.PrependUOffsetTRelativeSlot(4, quantised, 0),
                lambda b: b.PrependBoolSlot(8, True, False),
            )
        )
        return len(self.tensors) - 1

    def layer(self, number: int, layer: Int8Layer, source: int) -> tuple[int, int]:
        """Tensors and operator of a layer that reads tensor `source`: `(operator, its output)`."""
        rows, columns = layer.weights.shape
        scale = layer.in_scale * layer.weight_scale
        weights_buffer, bias_buffer = self.buffer(layer.weights), self.buffer(layer.bias.astype("<i4"))
        weights = self.tensor(f"weights{number}", (rows, columns), _INT8, layer.weight_scale, 0, weights_buffer)
        bias = self.tensor(f"bias{number}", (rows,), _INT32, scale, 0, bias_buffer)
        out = self.tensor(f"out{number}", (1, rows), _INT8, layer.out_scale, layer.out_zero)
        options = self.table(4, lambda b: b.PrependInt8Slot(0, _RELU if layer.relu else 0, 0))
        ins, outs = (self.array(np.array(each, dtype=np.int32)) for each in ([source, weights, bias], [out]))
        operator = self.table(
            5,
            lambda b: b.PrependUint32Slot(0, 0, 0),
            lambda b: b.PrependUOffsetTRelativeSlot(1, ins, 0),
            lambda b: b.PrependUOffsetTRelativeSlot(2, outs, 0),
            lambda b: b.PrependUint8Slot(3, _FULLY_CONNECTED_OPTIONS, 0),
            lambda b: b.PrependUOffsetTRelativeSlot(4, options, 0),
        )
        return operator, out


def tflite_file(layers: Sequence[Int8Layer], description: str = "emberwatt") -> bytes:
    """The file's content: one input and one output of shape (1, n), int8."""
    writer = _Writer()
    first = layers[0]
    source = writer.tensor("input", (1, first.weights.shape[1]), _INT8, first.in_scale, first.in_zero)
    flows, operators = source, []
    for number, layer in enumerate(layers):
        operator, flows = writer.layer(number, layer, flows)
        operators.append(operator)
    tensors, work = writer.offsets(writer.tensors), writer.offsets(operators)
    ins, outs = (writer.array(np.array([each], dtype=np.int32)) for each in (source, flows))
    graph = writer.table(
        5,
        lambda b: b.PrependUOffsetTRelativeSlot(0, tensors, 0),
        lambda b: b.PrependUOffsetTRelativeSlot(1, ins, 0),
        lambda b: b.PrependUOffsetTRelativeSlot(2, outs, 0),
        lambda b: b.PrependUOffsetTRelativeSlot(3, work, 0),
    )
    code = writer.table(
        4,
        lambda b: b.PrependInt8Slot(0, _FULLY_CONNECTED, 0),
        lambda b: b.PrependInt32Slot(2, _OPERATOR_VERSION, 1),
        lambda b: b.PrependInt32Slot(3, _FULLY_CONNECTED, 0),
    )
    codes, graphs, buffers = (writer.offsets(each) for each in ([code], [graph], writer.buffers))
    text = int(writer.builder.CreateString(description))
    model = writer.table(
        8,
        lambda b: b.PrependUint32Slot(0, _VERSION, 0),
        lambda b: b.PrependUOffsetTRelativeSlot(1, codes, 0),
        lambda b: b.PrependUOffsetTRelativeSlot(2, graphs, 0),
        lambda b: b.PrependUOffsetTRelativeSlot(3, text, 0),
        lambda b: b.PrependUOffsetTRelativeSlot(4, buffers, 0),
    )
    writer.builder.Finish(model, b"TFL3")
    return bytes(writer.builder.Output())
