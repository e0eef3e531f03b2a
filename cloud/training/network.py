"""A small network with a linear bottleneck for each target, trained over many sites at once, each with own weights.

Layer by layer the targets are blocks of their own, so a target never sees what it is to be told from. What is learned
in common is how to turn the inputs into `units` numbers; how a site weighs them is its own, and is learned on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.domain.learned_plan import Plan

Array = npt.NDArray[np.float64]
HIDDEN: Final = (16, 12)
BATCH: Final = 1024
_PULL: Final = 1e-3
_BETA: Final = (0.9, 0.999)


@dataclass(slots=True)
class Layer:
    """`x @ weights + bias`, then ReLU if `relu`."""

    weights: Array
    bias: Array
    relu: bool


@dataclass(frozen=True, slots=True)
class Samples:
    """Terms of frames of many sites, the network's inputs, and which site each is of."""

    terms: Array
    inputs: Array
    site: npt.NDArray[np.int64]
    sites: int


def inputs_of(plan: Plan) -> list[int]:
    """The terms that the network is given, in order."""
    return sorted({place for target in plan.targets for place in target.inputs})


def usable(plan: Plan, terms: Array) -> list[npt.NDArray[np.bool_]]:
    """For each target the frames that count."""
    masks = []
    for target in plan.targets:
        mask = np.asarray(np.isfinite(terms[:, [target.y, *target.inputs]]).all(axis=1), dtype=np.bool_)
        for gate in target.gates:
            value = terms[:, gate.term]
            mask &= (value >= gate.low) & (value <= gate.high)
        masks.append(mask)
    return masks


def first_layers(plan: Plan, dice: np.random.Generator) -> tuple[list[Layer], list[Array]]:
    """Layers with random weights, and the masks that keep the targets apart."""
    inputs = inputs_of(plan)
    layers, masks = [], []
    widths = [[hidden] * len(plan.targets) for hidden in HIDDEN] + [[target.units for target in plan.targets]]
    before: list[int] | None = None
    for number, width in enumerate(widths):
        mask = np.zeros((len(inputs) if before is None else sum(before), sum(width)))
        column = row = 0
        for place, target in enumerate(plan.targets):
            if before is None:
                rows = [inputs.index(each) for each in target.inputs]
            else:
                rows = list(range(row, row + before[place]))
                row += before[place]
            mask[np.ix_(rows, range(column, column + width[place]))] = 1.0
            column += width[place]
        fan = np.maximum(1.0, mask.sum(axis=0))
        last = number == len(widths) - 1
        bias = np.zeros(mask.shape[1]) if last else dice.uniform(-0.5, 0.5, mask.shape[1])
        layers.append(Layer(dice.normal(size=mask.shape) * mask * np.sqrt(2.0 / fan), bias, not last))
        masks.append(mask)
        before = width
    return layers, masks


def forward(layers: Sequence[Layer], x: Array) -> list[Array]:
    """What goes in, and what comes out of each layer."""
    out = [x]
    for layer in layers:
        y = out[-1] @ layer.weights + layer.bias
        out.append(np.maximum(y, 0.0) if layer.relu else y)
    return out


class Trainer:
    """Adam (D. P. Kingma, J. Ba, 2015) over the layers, the common weights, and each site's departure from them."""

    def __init__(self, plan: Plan, sites: int, seed: int = 0) -> None:
        dice = np.random.default_rng(seed)
        self.plan = plan
        self.layers, self.masks = first_layers(plan, dice)
        self.common = dice.normal(size=plan.width) * 0.3
        self.constant = np.zeros(len(plan.targets))
        self.own = np.zeros((sites, plan.width))
        self.own_constant = np.zeros((sites, len(plan.targets)))
        self._dice = dice
        self._owner = np.repeat(np.arange(len(plan.targets)), [target.units for target in plan.targets])
        self._first = np.zeros_like(self._owner)
        self._moments: dict[str, tuple[Array, Array]] = {}
        self._step = 0

    def train(self, samples: Samples, steps: int, rate: float = 3e-3) -> float:
        """Take `steps` of falling size; returns the mean weighted squared error of the last tenth."""
        masks = np.stack(usable(self.plan, samples.terms), axis=1)
        x = samples.inputs
        y = np.nan_to_num(samples.terms[:, [target.y for target in self.plan.targets]])
        spread = np.array([np.var(y[masks[:, k], k]) + 1e-9 for k in range(y.shape[1])])
        losses = []
        for step in range(steps):
            rows = self._dice.integers(0, len(x), BATCH)
            falling = rate * 0.5 * (1.0 + np.cos(np.pi * step / steps))
            losses.append(self._take(x[rows], y[rows], masks[rows], samples.site[rows], spread, falling))
        return float(np.mean(losses[-max(1, steps // 10) :]))

    def _take(
        self, x: Array, y: Array, counts: npt.NDArray[np.bool_], site: npt.NDArray[np.int64], spread: Array, rate: float
    ) -> float:
        outs = forward(self.layers, x)
        units = outs[-1]
        weights = self.common + self.own[site]
        told = np.add.reduceat(units * weights, self._starts(), axis=1) + self.constant + self.own_constant[site]
        residual = y - told
        taus = np.array([target.tau for target in self.plan.targets])
        weight = np.where(residual > 0.0, taus, 1.0 - taus) * 2.0 * counts / spread / len(x)
        loss = float((weight * residual**2).sum())
        back = -2.0 * weight * residual
        spread_back = back[:, self._owner]
        self._step += 1
        own_gradient = np.zeros_like(self.own)
        np.add.at(own_gradient, site, spread_back * units)
        constants = np.zeros_like(self.own_constant)
        np.add.at(constants, site, back)
        self._move("common", self.common, (spread_back * units).sum(axis=0), rate)
        self._move("constant", self.constant, back.sum(axis=0), rate)
        self._move("own", self.own, own_gradient + _PULL * self.own, rate)
        self._move("own_constant", self.own_constant, constants + _PULL * self.own_constant, rate)
        self._through_layers(outs, spread_back * weights, rate)
        return loss

    def _through_layers(self, outs: Sequence[Array], back: Array, rate: float) -> None:
        for number in reversed(range(len(self.layers))):
            layer = self.layers[number]
            if layer.relu:
                back = back * (outs[number + 1] > 0.0)
            gradient = (outs[number].T @ back) * self.masks[number]
            onwards = back @ layer.weights.T
            self._move(f"w{number}", layer.weights, gradient, rate)
            self._move(f"b{number}", layer.bias, back.sum(axis=0), rate)
            back = onwards

    def _starts(self) -> list[int]:
        starts, place = [], 0
        for target in self.plan.targets:
            starts.append(place)
            place += target.units
        return starts

    def _move(self, name: str, values: Array, gradient: Array, rate: float) -> None:
        mean, square = self._moments.setdefault(name, (np.zeros_like(values), np.zeros_like(values)))
        mean += (1.0 - _BETA[0]) * (gradient - mean)
        square += (1.0 - _BETA[1]) * (gradient**2 - square)
        corrected = mean / (1.0 - _BETA[0] ** self._step)
        values -= rate * corrected / (np.sqrt(square / (1.0 - _BETA[1] ** self._step)) + 1e-8)


def whitened(plan: Plan, layers: Sequence[Layer], terms: Array, inputs: Array) -> list[Layer]:
    """The same layers, the last turned so that the numbers of each target are uncorrelated and of variance 1."""
    kept = [Layer(each.weights.copy(), each.bias.copy(), each.relu) for each in layers]
    place = 0
    for target, mask in zip(plan.targets, usable(plan, terms), strict=True):
        block = slice(place, place + target.units)
        place += target.units
        units = forward(kept, inputs[mask])[-1][:, block]
        values, vectors = np.linalg.eigh(np.cov(units.T).reshape(target.units, target.units))
        turn = vectors / np.sqrt(np.maximum(values, 1e-4 * max(values.max(), 1e-9)))
        kept[-1].bias[block] = (kept[-1].bias[block] - units.mean(axis=0)) @ turn
        kept[-1].weights[:, block] = kept[-1].weights[:, block] @ turn
    return kept
