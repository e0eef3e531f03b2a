"""The same bytes give the same numbers, whatever runs them."""

import itertools
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.errors import BadInput, BadSetup
from agent.learned.runtime import NAMES, Network, load
from agent.learned.tflite_file import layers_of
from cloud.training.network import Layer
from cloud.training.quantise import balanced, int8_forward, quantised
from cloud.training.tflite_writer import tflite_file


def some_layers(seed: int, widths: list[int]):
    dice = np.random.default_rng(seed)
    layers = [
        Layer(dice.normal(size=(a, b)) / a**0.5, dice.normal(size=b) * 0.3, number < len(widths) - 2)
        for number, (a, b) in enumerate(itertools.pairwise(widths))
    ]
    x = dice.uniform(-1, 1, (400, widths[0]))
    return quantised(balanced(layers, x), x), x


def networks(data: bytes) -> list[Network]:
    found = []
    for name in NAMES:
        try:
            found.append(load(data, name))
        except BadSetup:
            continue
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.integers(1, 40), min_size=2, max_size=5))
def test_every_path_agrees_within_a_step_of_each_layer(seed: int, widths: list[int]) -> None:
    layers, x = some_layers(seed, widths)
    told = [[network.run(row) for row in x[:20].tolist()] for network in networks(tflite_file(layers))]
    expected, step = int8_forward(layers, x[:20]), layers[-1].out_scale
    for each in told:
        assert np.abs(np.array(each) - expected).max() <= 1.01 * step
    # The plain path is what the trainer calibrated with, to the last bit of the output's step.
    assert np.abs(np.array(told[-1]) - expected).max() < 1e-5


def test_the_interpreters_are_as_near_as_rounding_lets_them() -> None:
    layers, x = some_layers(7, [16, 48, 36, 18])
    several = networks(tflite_file(layers))
    if len(several) < 2:
        pytest.skip("neither tflite-runtime nor ai-edge-litert is installed")
    rows = x[:200].tolist()
    first, plain = (np.array([network.run(row) for row in rows]) for network in (several[0], several[-1]))
    steps = np.abs(first - plain) / layers[-1].out_scale
    assert steps.max() <= 1.01
    assert steps.mean() < 0.001


def test_layers_survive_the_file() -> None:
    layers, _ = some_layers(3, [5, 9, 4])
    for written, read in zip(layers, layers_of(tflite_file(layers)), strict=True):
        assert (
            np.frombuffer(read.weights, dtype=np.int8).reshape(read.rows, read.columns).tolist()
            == written.weights.tolist()
        )
        assert list(struct.unpack(f"<{read.rows}i", read.bias)) == written.bias.tolist()
        assert (read.in_zero, read.out_zero, read.relu) == (written.in_zero, written.out_zero, written.relu)
        assert read.in_scale == pytest.approx(written.in_scale)


@pytest.mark.parametrize("cut", [0, 3, 7, 40, 200, 400])
def test_a_damaged_file_is_refused_and_nothing_worse(cut: int) -> None:
    data = tflite_file(some_layers(1, [4, 3])[0])
    with pytest.raises(BadInput):
        load(data[:cut], "numpy")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5000), st.integers(0, 255))
def test_a_turned_byte_never_brings_down_the_reader(place: int, value: int) -> None:
    data = bytearray(tflite_file(some_layers(1, [4, 6, 3])[0]))
    data[place % len(data)] = value
    try:
        layers_of(bytes(data))
    except BadInput:
        return


def test_an_unknown_runtime_is_named() -> None:
    with pytest.raises(BadInput, match="expected one of tflite-runtime"):
        load(tflite_file(some_layers(1, [4, 3])[0]), "onnx")
