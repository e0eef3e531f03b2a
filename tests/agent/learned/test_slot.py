"""A new model looks on before it speaks, and the old one can come back."""

from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from agent.domain.errors import BadInput
from agent.domain.learned_artifact import Artifact, fingerprint, opened
from agent.domain.learned_watch import DayScore, Limits
from agent.learned.site_model import SiteModel
from agent.learned.slot import SHADOW_DAYS, ModelSlot, Trial
from cloud.training.signing import public_of, signed
from tests.helpers.learned_sites import KEY, artifact, heating, model_file, readings

pytestmark = pytest.mark.xdist_group("learned")
UTC = ZoneInfo("UTC")
TRUSTED = {public_of(KEY)}


def slot(folder: Path | None) -> ModelSlot:
    return ModelSlot(folder, TRUSTED, lambda made, mark: SiteModel(made, mark, (48.0, 11.0), UTC, "numpy"))


def variant(version: int, factor: float) -> bytes:
    """The same model with other limits: below 1 it cries wolf."""
    made = artifact()
    limits = [Limits(each.usual, [value * factor for value in each.limit]) for each in made.limits]
    fields = {name: getattr(made, name) for name in Artifact.__struct_fields__}
    return signed(Artifact(**{**fields, "version": version, "limits": limits}), KEY)


def names(each: ModelSlot) -> list[str]:
    return [event for event, _ in each.happened]


def test_a_new_model_takes_over_and_stays(tmp_path: Path) -> None:
    place = slot(tmp_path / "models")
    place.begin(model_file(tmp_path))
    mark = place.offer(variant(2, 1.5))
    assert place.active is not None
    assert place.active.artifact.version == 1
    for reading in readings(heating(21, 90)):
        place.update(reading)
    assert names(place) == ["model_active", "model_shadow", "model_took_over", "model_stays"]
    assert place.active.mark == mark
    assert place.shadow is None


def test_one_that_cries_wolf_never_speaks(tmp_path: Path) -> None:
    place = slot(tmp_path / "models")
    place.begin(model_file(tmp_path))
    worse = variant(2, 0.05)
    place.offer(worse)
    for reading in readings(heating(22, 50)):
        place.update(reading)
    assert names(place)[-1] == "model_refused"
    assert place.active is not None
    assert place.active.artifact.version == 1
    place.offer(worse)
    assert place.shadow is None, "what was refused here is not tried again"


def test_one_that_turns_out_worse_goes_back(tmp_path: Path) -> None:
    place = slot(tmp_path / "models")
    place.begin(model_file(tmp_path))
    place.offer(variant(2, 1.5))
    rows = iter(readings(heating(23, 90)))
    while "model_took_over" not in names(place):
        place.update(next(rows))
    assert place.active is not None
    for target in place.active.watch.targets:
        target._limits = Limits(target._limits.usual, [0.02] * 5)
    for reading in rows:
        place.update(reading)
    assert names(place)[-1] == "model_went_back"
    assert place.active.artifact.version == 1
    kept = slot(tmp_path / "models")
    kept.begin(tmp_path / "heating-1.ewm")
    assert kept.active is not None
    assert kept.active.artifact.version == 1


def test_a_trial_goes_on_after_a_restart(tmp_path: Path) -> None:
    """Before the first day is over, while the other looks on, and after it took over."""
    shipped = model_file(tmp_path)
    rows = list(readings(heating(24, 50)))
    whole, stopped = slot(tmp_path / "a"), slot(tmp_path / "b")
    for each in (whole, stopped):
        each.begin(shipped)
        each.offer(variant(2, 1.5))
    for number, reading in enumerate(rows):
        whole.update(reading)
        stopped.update(reading)
        if number in {50, 2700, 4400}:
            kept = msgspec.msgpack.encode(stopped.state())
            stopped = slot(tmp_path / "b")
            stopped.begin(shipped)
            stopped.restore(msgspec.msgpack.decode(kept))
    assert names(whole)[-1] == "model_took_over"
    assert msgspec.msgpack.encode(stopped.state()) == msgspec.msgpack.encode(whole.state())
    assert stopped.active is not None
    assert whole.active is not None
    assert stopped.active.mark == whole.active.mark
    assert len(msgspec.msgpack.encode(stopped.state())) < 40 * 1024


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    place = slot(None)
    place.begin(model_file(tmp_path))
    fields = {name: getattr(artifact(), name) for name in Artifact.__struct_fields__}
    other = signed(Artifact(**{**fields, "name": "home"}), KEY)
    with pytest.raises(BadInput, match="'home' was offered, here speaks 'heating'"):
        place.offer(other)


def test_what_is_not_signed_by_a_trusted_key_or_changed_is_refused(tmp_path: Path) -> None:
    data = model_file(tmp_path).read_bytes()
    assert opened(data, TRUSTED).name == "heating"
    with pytest.raises(BadInput, match="which is not trusted here"):
        opened(data, {b"\x01" * 32})
    for place in (200, 4000, len(data) - 1):
        with pytest.raises(BadInput, match="was changed after it was signed"):
            opened(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], TRUSTED)
    with pytest.raises(BadInput, match="is no signed model"):
        opened(b"TFL3" + data, TRUSTED)
    assert fingerprint(data) != fingerprint(data + b"x")


def test_the_trial_counts_days_on_which_only_one_speaks() -> None:
    trial = Trial()
    for day in range(SHADOW_DAYS):
        trial.take(DayScore(1.2 if day < 4 else 0.1, [1.0]), DayScore(0.1, [0.1]))
    assert trial.worse
    fair = Trial()
    for day in range(SHADOW_DAYS):
        fair.take(DayScore(1.2 if day < 4 else 0.1, [1.0]), DayScore(1.1 if day < 6 else 0.1, [0.1]))
    assert not fair.worse
