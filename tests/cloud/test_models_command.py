"""Which models speak where, and which should be trained again."""

import json
from pathlib import Path

from agent.domain.detecting import ModelDay, model_record
from agent.domain.wire import Unknown
from cloud.clock import SimulatedClock
from cloud.models_command import uses_of
from cloud.store.database import Database
from cloud.store.writer import SqlFleetWriter
from tests.helpers.batches import arrival, batch
from tests.helpers.programs import run
from tests.helpers.uplinks import START_MS

DAY_MS = 86_400_000


def day(at_day: int = 1, *, version: int = 1, role: str = "active", score: float = 0.3, drift: tuple[str, ...] = ()):
    return ModelDay(at_day * DAY_MS, "heating", version, f"f{version}", role, "numpy", 50, score, {},
                    dict.fromkeys(drift, 3.0), bool(drift))  # fmt: skip


def test_the_newest_day_of_each_device_counts() -> None:
    (use,) = uses_of([("a", day(1, score=2.0, drift=("flow",))), ("a", day(2)), ("b", day(1, score=1.5))])
    assert (use.devices, use.unusual, use.drifting, use.mean_score, use.retrain) == (2, 1, 0, 0.9, False)


def test_a_fifth_of_the_sites_is_enough_to_train_again() -> None:
    few = [(f"d{n}", day(drift=("flow", "room") if n < 1 else ())) for n in range(6)]
    enough = [(f"d{n}", day(drift=("flow", "room") if n < 2 else ())) for n in range(6)]
    assert [use.retrain for use in uses_of(few)] == [False]
    (use,) = uses_of(enough)
    assert use.retrain
    assert use.drift == {"flow": 2, "room": 2}


def test_the_only_site_that_drifts_is_enough_and_such_models_come_first() -> None:
    uses = uses_of(
        [("a", day(version=2)), ("b", day(version=1, drift=("flow",))), ("a", day(version=3, role="shadow"))]
    )
    assert [(use.version, use.role, use.retrain) for use in uses] == [
        (1, "active", True), (3, "shadow", False), (2, "active", False),
    ]  # fmt: skip


def test_records_of_the_kind_model_are_read_from_the_database(tmp_path: Path) -> None:
    config = tmp_path / "cloud.toml"
    config.write_text(f"[clock]\norigin_ms = {START_MS + 3 * DAY_MS}\nstarted_ms = 0\nrate = 1e-9\n")
    kinds = [model_record(day(drift=("flow",))), Unknown("model", b"\x80"), Unknown("weather", b"\x80")]
    with Database(f"sqlite:///{tmp_path}/fleet.db", SimulatedClock(START_MS, 0, 1e-9)) as database:
        SqlFleetWriter(database).apply([arrival(batch(1, kinds))])
    done = run("cloud", "models", "--config", config, "--json")
    assert done.returncode == 0, done.stderr
    (use,) = json.loads(done.stdout)
    assert (use["name"], use["devices"], use["retrain"], use["drift"]) == ("heating", 1, True, {"flow": 1})
    table = run("cloud", "models", "--config", config).stdout
    assert "yes: flow at 1" in table
    none = run("cloud", "models", "--config", config, "--days", "1")
    assert none.stdout == "no device has told of a model in the last 1 days\n"
