"""What a site will need soon, on its page."""

from dataclasses import dataclass

import pytest

from agent.domain.maintenance import Maintenance, maintenance_body
from cloud.dashboard.ahead import ahead_lines
from tests.cloud.dashboard.conftest import Pages
from tests.helpers.fleet import DAY_MS, NOW_MS, InMemoryFleet


@dataclass
class Told(InMemoryFleet):
    """A fleet whose device told this, newest first."""

    records: tuple[tuple[int, bytes], ...] = ()

    def others(self, _device: str, _kind: str, limit: int = 100) -> list[tuple[int, bytes]]:
        return list(self.records[:limit])


def raw(code: str, per_day: float = -0.03, low: float | None = 9.2, high: float | None = 13.8) -> bytes:
    return maintenance_body(Maintenance(code, 1.12, 0.8, per_day, low, high)).raw


@pytest.mark.parametrize(
    ("code", "low", "high", "passed_days", "text"),
    [
        ("water_pressure", 9.2, 13.8, 0, "below 0.80 bar in 9 to 14 days"),
        ("water_pressure", 9.2, 13.8, 8, "below 0.80 bar in 1 to 6 days"),
        ("water_pressure", 9.2, 13.8, 30, "below 0.80 bar any moment now"),
        ("battery_capacity", 300.0, 400.0, 0, "below 80% in 10 to 13 months"),
        ("something_new", 9.0, 9.1, 0, "below 0.8 in 9 days"),
    ],
)
def test_days_count_from_now(pages: Pages, code: str, low: float, high: float, passed_days: int, text: str) -> None:
    fleet = Told(records=((NOW_MS, raw(code, low=low, high=high)),))
    site = pages.fleet.site("ember-101")
    assert site is not None
    (line,) = ahead_lines(fleet, site, NOW_MS + passed_days * DAY_MS)
    assert line.when == text


def test_the_newest_word_counts_and_what_cannot_be_read_is_passed_over(pages: Pages) -> None:
    over = maintenance_body(Maintenance("water_pressure", 1.5, 0.8, 0.0)).raw
    older = (NOW_MS - DAY_MS, raw("water_pressure"))
    fleet = Told(records=((NOW_MS, b"\xc1"), (NOW_MS, over), older))
    site = pages.fleet.site("ember-101")
    assert site is not None
    assert ahead_lines(fleet, site, NOW_MS) == []


def test_the_page_says_it(pages: Pages) -> None:
    page = pages.text("/sites/ember-101")
    assert "below 0.80 bar in 9 to 14 days" in page
    assert "Ahead" not in pages.text("/sites/ember-102")
