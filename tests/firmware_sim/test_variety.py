import pytest

from agent.domain.signals import SIGNALS
from firmware_sim.scenario import Scenario
from firmware_sim.site import Site
from firmware_sim.variety import some_boiler, some_home
from tests.firmware_sim.support import MINUTE_MS, ORIGIN_MS


def plausible(scenario: Scenario) -> list[dict[str, float]]:
    site, seen = Site(scenario, ORIGIN_MS), []
    for hour in range(0, 48, 5):
        observed = site.observe(ORIGIN_MS + hour * 60 * MINUTE_MS)
        assert observed is not None
        for name, value in observed.items():
            assert SIGNALS[name].low <= value <= SIGNALS[name].high, name
        site.image(ORIGIN_MS + hour * 60 * MINUTE_MS)
        seen.append({str(name): value for name, value in observed.items()})
    return seen


@pytest.mark.parametrize("number", range(20))
def test_every_home_and_boiler_lives_within_what_is_possible(number: int) -> None:
    home, boiler = plausible(some_home(number)), plausible(some_boiler(number))
    assert max(row["pv_power"] for row in home) > 200
    assert all(12 < row["room_temperature"] < 27 for row in boiler)


def test_a_number_is_always_the_same_site_and_another_is_another() -> None:
    assert some_home(3) == some_home(3)
    assert some_boiler(3) == some_boiler(3)
    assert len({some_home(number).home for number in range(20)}) == 20
    assert len({some_boiler(number).heat for number in range(20)}) == 20
