from pathlib import Path

from agent.config import load
from agent.diagnosis.settings import DiagnosisSettings
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from agent.pipeline import Pipeline
from agent.reported import MEASURE_AGAIN_MS, Health, restarts_section, site_section
from agent.supervision import Restarts
from tests.helpers.uplinks import SetClock


async def test_health_is_measured_every_few_minutes_and_a_lost_disk_is_no_error(tmp_path: Path) -> None:
    async with SqliteOutbox(OutboxSettings(tmp_path / "journal.db"), SetClock()) as outbox:
        pipeline = await Pipeline.resume(DiagnosisSettings(), outbox)
        health = Health(tmp_path, outbox, pipeline)
        await health.measure(0, lambda: {"clock": "set"})
        assert (health.section["journal"], health.section["clock"]) == ("ok", "set")
        await health.measure(MEASURE_AGAIN_MS - 1, lambda: {"clock": "free"})
        assert health.section["clock"] == "set"
        await health.measure(MEASURE_AGAIN_MS, lambda: {"clock": "free"})
        assert health.section["clock"] == "free"
        gone = Health(tmp_path / "gone", outbox, pipeline)
        await gone.measure(0, dict)
        assert gone.section["disk_free_bytes"] == 0


def test_restarts_are_told_with_their_reason() -> None:
    assert restarts_section({}) == {}
    told = restarts_section({"proxy": Restarts(2, "port taken")})
    assert told == {"restarts": {"proxy": {"count": 2, "last_reason": "port taken"}}}


def test_a_place_without_coordinates_has_none(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('[device]\nid = "home-1"\n[site]\ntimezone = "Europe/Berlin"\n')
    assert site_section(load(tmp_path / "site.toml")) == {"name": "home-1", "timezone": "Europe/Berlin"}
