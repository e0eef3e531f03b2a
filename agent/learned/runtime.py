"""Runs a full-int8 network by whatever there is: tflite-runtime, ai-edge-litert, or a plain path in numpy.

All three take the same bytes, and the plain path rounds as TFLite's own kernels do, so that a score does not depend on
what a device has; an older or other kernel may be off by a step of the quantisation. Nothing is imported before `load`
is called.
"""

from collections.abc import Sequence
from math import frexp
from typing import Any, Final, Protocol

from agent.domain.errors import BadInput, BadSetup
from agent.learned.tflite_file import QuantisedLayer, layers_of

NAMES: Final = ("tflite-runtime", "ai-edge-litert", "numpy")


class Network(Protocol):
    """A loaded network. `name` is one of `NAMES`."""

    @property
    def name(self) -> str: ...

    @property
    def inputs(self) -> int: ...

    def run(self, values: Sequence[float]) -> list[float]:
        """The numbers that the network gives for these inputs."""
        ...


class InterpretedNetwork:
    """By an interpreter of TFLite; both packages offer the same one."""

    def __init__(self, name: str, interpreter: Any, numpy: Any) -> None:
        self.name = name
        interpreter.allocate_tensors()
        self._interpreter, self._numpy = interpreter, numpy
        source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        self._in, self._out = source["index"], target["index"]
        (self._in_scale, self._in_zero), (self._out_scale, self._out_zero) = (
            source["quantization"],
            target["quantization"],
        )
        self.inputs = int(source["shape"][1])

    def run(self, values: Sequence[float]) -> list[float]:
        numpy = self._numpy
        whole = numpy.rint(numpy.asarray(values, dtype=numpy.float32) / self._in_scale) + self._in_zero
        self._interpreter.set_tensor(self._in, numpy.clip(whole, -128, 127).astype(numpy.int8)[None, :])
        self._interpreter.invoke()
        out = self._interpreter.get_tensor(self._out)[0].astype(numpy.float32)
        told: list[float] = ((out - self._out_zero) * self._out_scale).tolist()
        return told


class PlainNetwork:
    """In numpy, layer by layer, in whole numbers throughout."""

    name = "numpy"

    def __init__(self, layers: Sequence[QuantisedLayer], numpy: Any) -> None:
        self._numpy, self._layers = numpy, layers
        self.inputs = layers[0].columns
        self._ready = []
        for layer in layers:
            weights = numpy.frombuffer(layer.weights, dtype=numpy.int8).reshape(layer.rows, layer.columns)
            wide = weights.astype(numpy.float64)  # exact up to 2**53, and numpy has a fast product for it
            bias = numpy.frombuffer(layer.bias, dtype="<i4").astype(numpy.float64) - layer.in_zero * wide.sum(axis=1)
            multiplier, shift = fixed_point(layer.in_scale * layer.weight_scale / layer.out_scale)
            self._ready.append((wide, bias, multiplier, shift, layer.out_zero if layer.relu else -128, layer.out_zero))

    def run(self, values: Sequence[float]) -> list[float]:
        numpy, first, last = self._numpy, self._layers[0], self._layers[-1]
        x = numpy.rint(numpy.asarray(values, dtype=numpy.float32) / numpy.float32(first.in_scale)) + first.in_zero
        x = numpy.clip(x, -128, 127).astype(numpy.float64)
        for weights, bias, multiplier, shift, low, zero in self._ready:
            total = (weights @ x + bias).astype(numpy.int64)
            x = numpy.clip(rescaled(total, multiplier, shift) + zero, low, 127).astype(numpy.float64)
        told: list[float] = ((x - last.out_zero) * last.out_scale).tolist()
        return told


def fixed_point(factor: float) -> tuple[int, int]:
    """`factor` as `multiplier` × 2**(`shift` − 31), the multiplier with 31 bits, as TFLite keeps it.

    >>> fixed_point(0.25)
    (1073741824, -1)
    """
    share, shift = frexp(factor)
    multiplier = round(share * (1 << 31))
    return (multiplier // 2, shift + 1) if multiplier == 1 << 31 else (multiplier, shift)


def rescaled(total: Any, multiplier: int, shift: int) -> Any:
    """`total` (int64) times a fixed-point factor, rounded twice as TFLite does: the high half, then the rest."""
    product = (total << max(shift, 0)) * multiplier
    high = (product + (1 << 30) - (product < 0)) >> 31
    right = max(-shift, 0)
    mask = (1 << right) - 1
    return (high >> right) + ((high & mask) > (mask >> 1))


def load(data: bytes, name: str = "") -> Network:
    """The network in a TFLite file, by the runtime `name`, or by the first of `NAMES` that is there.

    Raises `BadInput` for a file that is no such network, `BadSetup` where nothing can run it.
    """
    layers = layers_of(data)
    missing = []
    for candidate in (name,) if name else NAMES:
        try:
            return _load(candidate, data, layers)
        except ImportError as error:
            missing.append(f"{candidate}: {error}")
    raise BadSetup("model", "; ".join(missing), hint="install the extra model: pip install 'emberwatt[model]'")


def _interpreter(name: str) -> Any:
    """The module of the two that are the same."""
    if name == "tflite-runtime":
        from tflite_runtime import interpreter as older

        return older
    if name == "ai-edge-litert":
        from ai_edge_litert import interpreter as newer

        return newer
    raise BadInput(f"runtime {name!r}, expected one of {', '.join(NAMES)}")


def _load(name: str, data: bytes, layers: Sequence[QuantisedLayer]) -> Network:
    import numpy

    if name == "numpy":
        return PlainNetwork(layers, numpy)
    interpreter = _interpreter(name)
    # Without a delegate: it would take memory and start-up for a network that runs in microseconds.
    plain = interpreter.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    made = interpreter.Interpreter(model_content=data, num_threads=1, experimental_op_resolver_type=plain)
    return InterpretedNetwork(name, made, numpy)
