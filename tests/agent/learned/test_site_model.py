"""The device sees what the trainer saw, remembers everything, and finds what nobody named."""

from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from agent.domain.learned_artifact import fingerprint, opened, packed
from agent.domain.signals import FLOW_TEMPERATURE, Reading
from agent.domain.timeline import Move
from agent.learned.site_model import SiteModel
from agent.learned.tflite_file import layers_of
from cloud.training.limits import watched
from cloud.training.network import inputs_of
from cloud.training.quantise import Int8Layer
from cloud.training.signing import public_of, signed
from cloud.training.sites import terms_of
from cloud.training.train import targets_of
from tests.helpers.learned_sites import KEY, START_MS, artifact, heating, readings

pytestmark = pytest.mark.xdist_group("learned")
UTC = ZoneInfo("UTC")


def model(runtime: str = "numpy") -> SiteModel:
    return SiteModel(artifact(), "mark", (48.0, 11.0), UTC, runtime)


def int8_layers(data: bytes) -> list[Int8Layer]:
    return [
        Int8Layer(
            np.frombuffer(each.weights, dtype=np.int8).reshape(each.rows, each.columns),
            np.frombuffer(each.bias, dtype="<i4"),
            each.in_scale, each.in_zero, each.weight_scale, each.out_scale, each.out_zero, each.relu,
        )
        for each in layers_of(data)
    ]  # fmt: skip


def test_the_device_judges_as_the_trainer_did() -> None:
    made, site = artifact(), heating(77, 90, weak_from=60)
    ready = targets_of(made.plan, made.scaling, int8_layers(made.network), terms_of(made.plan, site))
    expected, _, active = watched(ready, made.plan, made.priors, made.limits, 0)
    device, told, spoke = model(), [], []
    for reading in readings(site):
        day = device.update(reading)
        if day is not None:
            told.append(day.score)
            spoke.append(device.watch.active)
    np.testing.assert_allclose(told, expected[: len(told)], rtol=1e-6, atol=1e-9)
    assert spoke == active[: len(spoke)].tolist()
    assert not any(spoke[:60])
    assert any(spoke[62:70])
    assert FLOW_TEMPERATURE in device.blamed()


def test_any_runtime_comes_to_the_same_score() -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    site = heating(78, 40, weak_from=30)
    scores = []
    for runtime in ("numpy", "ai-edge-litert"):
        device = model(runtime)
        scores.append([day.score for day in map(device.update, readings(site)) if day is not None])
    assert np.abs(np.array(scores[0]) - np.array(scores[1])).max() < 0.02
    assert len(scores[0]) == 39


@pytest.mark.parametrize("cut", [1, 95, 96, 97, 1000, 2411, 3100])
def test_stopped_anywhere_it_goes_on_as_if_it_had_not(cut: int) -> None:
    rows = list(readings(heating(79, 36, weak_from=25)))
    whole, first, second = model(), model(), model()
    through = [whole.update(row) for row in rows]
    parts = [first.update(row) for row in rows[:cut]]
    kept = msgspec.msgpack.encode(first.state())
    second.restore(msgspec.msgpack.decode(kept))
    assert parts + [second.update(row) for row in rows[cut:]] == through
    assert msgspec.msgpack.encode(second.state()) == msgspec.msgpack.encode(whole.state())
    assert len(kept) < 24 * 1024


def test_missing_values_and_pauses_are_not_unusual() -> None:
    rows = list(readings(heating(80, 60)))
    holes = [
        Reading(row.at_ms, {name: value for name, value in row.values.items() if name != FLOW_TEMPERATURE})
        if 2000 < place < 2300 else row
        for place, row in enumerate(rows) if not 3000 < place < 3500
    ]  # fmt: skip
    whole, broken = (
        {reading.at_ms // 86_400_000: day.score for reading in each if (day := device.update(reading)) is not None}
        for each, device in ((rows, model()), (holes, model()))
    )
    assert max(score - whole[day] for day, score in broken.items()) < 0.5


def test_a_clock_that_was_wrong_changes_nothing_but_the_times() -> None:
    rows = list(readings(heating(81, 40)))
    right, wrong = model(), model()
    by_ms = 400 * 86_400_000
    told_right = [right.update(row) for row in rows]
    told_wrong = [wrong.update(replace(row, at_ms=row.at_ms - by_ms)) for row in rows[:1500]]
    wrong.move(Move(by_ms, 0, START_MS))
    told_wrong += [wrong.update(row) for row in rows[1500:]]
    scores = [[day.score for day in told if day is not None] for told in (told_right, told_wrong)]
    assert len(scores[0]) == len(scores[1])
    # Hour and season are inputs, so a wrong calendar is a little off.
    assert np.abs(np.array(scores[0]) - np.array(scores[1])).max() < 0.6


def test_what_the_trainer_says_of_it() -> None:
    made = artifact()
    assert made.metrics["false_findings_per_year"] <= 1.0
    assert made.metrics["network_bytes"] == len(made.network) <= 64 * 1024
    assert len(made.scaling.terms) == len(inputs_of(made.plan))
    assert opened(signed(made, KEY), {public_of(KEY)}) == made
    assert len(made.digest) == 64
    assert fingerprint(packed(made)) == fingerprint(packed(artifact()))
