"""Float layers into int8, calibrated on data: one scale a tensor, symmetric weights, halves rounded to even."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import frexp
from typing import Final

import numpy as np
import numpy.typing as npt

from cloud.training.network import Array, Layer, forward

TAIL: Final = 1e-4
_QUIET: Final = 0.1
_SILENT: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Int8Layer:
    """As TFLite has it: `weights` of shape (outputs, inputs)."""

    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    in_scale: float
    in_zero: int
    weight_scale: float
    out_scale: float
    out_zero: int
    relu: bool


def _range(values: Array) -> tuple[float, int]:
    """Scale and zero point of int8 numbers that hold all but a small tail of `values`."""
    low = min(0.0, float(np.quantile(values, TAIL)))
    high = max(0.0, float(np.quantile(values, 1.0 - TAIL)))
    scale = float(np.float32(max(high - low, 1e-6) / 255.0))
    return scale, int(np.clip(round(-128 - low / scale), -128, 127))


def balanced(layers: Sequence[Layer], x: Array) -> list[Layer]:
    """The same function with hidden units of like range, so that one scale serves them all."""
    kept = [Layer(each.weights.copy(), each.bias.copy(), each.relu) for each in layers]
    outs = forward(kept, x)
    for number, layer in enumerate(kept[:-1]):
        high = np.quantile(outs[number + 1], 1.0 - TAIL, axis=0)
        # A unit that hardly ever speaks is not blown up: its weights would take the scale from all others.
        least = max(_QUIET * float(np.median(high)), _SILENT * float(high.max()))
        high = np.maximum(high, least) if least > 1e-6 else np.ones_like(high)
        layer.weights /= high
        layer.bias /= high
        kept[number + 1].weights *= high[:, None]
    return kept


def quantised(layers: Sequence[Layer], x: Array) -> list[Int8Layer]:
    """Layers in int8; `x` are inputs to calibrate on."""
    made: list[Int8Layer] = []
    outs = forward(layers, x)
    in_scale, in_zero = _range(outs[0])
    for layer, out in zip(layers, outs[1:], strict=True):
        scale = float(np.float32(np.abs(layer.weights).max() / 127.0))
        whole = np.clip(np.rint(layer.weights.T / scale), -127, 127).astype(np.int8)
        out_scale, out_zero = _range(out)
        bias = np.rint(layer.bias / (in_scale * scale)).astype(np.int32)
        made.append(Int8Layer(whole, bias, in_scale, in_zero, scale, out_scale, out_zero, layer.relu))
        in_scale, in_zero = out_scale, out_zero
    return made


def int8_forward(layers: Sequence[Int8Layer], x: Array) -> Array:
    """What a gateway's runtime makes of `x`, as real numbers."""
    first, last = layers[0], layers[-1]
    scaled = x.astype(np.float32) / np.float32(first.in_scale)
    now = np.clip(np.rint(scaled) + first.in_zero, -128, 127).astype(np.float64)
    for layer in layers:
        wide = layer.weights.astype(np.float64)
        total = now @ wide.T + (layer.bias - layer.in_zero * wide.sum(axis=1))
        out = _rescaled(total.astype(np.int64), layer.in_scale * layer.weight_scale / layer.out_scale) + layer.out_zero
        now = np.clip(out, layer.out_zero if layer.relu else -128, 127).astype(np.float64)
    return np.asarray((now - last.out_zero) * last.out_scale, dtype=np.float64)


def _rescaled(total: npt.NDArray[np.int64], factor: float) -> npt.NDArray[np.int64]:
    """`total` times `factor` in fixed point, rounded twice, as TFLite's kernels do it."""
    share, shift = frexp(factor)
    multiplier = round(share * (1 << 31))
    product = (total << max(shift, 0)) * multiplier
    high = (product + (1 << 30) - (product < 0)) >> 31
    right = max(-shift, 0)
    mask = (1 << right) - 1
    return np.asarray((high >> right) + ((high & mask) > (mask >> 1)), dtype=np.int64)
