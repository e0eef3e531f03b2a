import pytest

from firmware_sim.clock import StillClock
from firmware_sim.errors import SimError
from firmware_sim.families.speech import speech_of
from firmware_sim.live import LiveSite
from firmware_sim.scenario import load_scenario
from firmware_sim.site import Site
from firmware_sim.switched import Switched, Switching
from tests.firmware_sim.stand import stand
from tests.firmware_sim.support import MINUTE_MS, ORIGIN_MS

DAY_MS, NIGHT_MS = ORIGIN_MS + 120 * MINUTE_MS, ORIGIN_MS + 14 * 60 * MINUTE_MS


def site(scenario: str = "home-healthy") -> Site:
    return Site(load_scenario(scenario), ORIGIN_MS, speech_of("sungrow-sh", {}))


def watts(of: Site, at_ms: int, name: str) -> float:
    value = of.facts(at_ms)[name]
    assert isinstance(value, float)
    return value


def balance(of: Site, at_ms: int) -> float:
    return watts(of, at_ms, "p_ac") + watts(of, at_ms, "p_grid") - watts(of, at_ms, "p_load")


@pytest.mark.parametrize("scenario", ["home-healthy", "home-seattle"])
@pytest.mark.parametrize("at_ms", [DAY_MS, NIGHT_MS])
def test_a_load_is_seen_on_its_phase_and_in_the_balance(scenario: str, at_ms: int) -> None:
    home, at_ms = site(scenario), at_ms + 20_000
    before = {name: watts(home, at_ms, name) for name in ("p_load", "p_load_l1", "p_load_l2", "p_load_l3")}
    home.switch_load(at_ms, 2000.0, phase=2)
    assert watts(home, at_ms, "p_load") == pytest.approx(before["p_load"] + 2000.0)
    assert watts(home, at_ms, "p_load_l2") == pytest.approx(before["p_load_l2"] + 2000.0)
    assert watts(home, at_ms, "p_load_l1") == pytest.approx(before["p_load_l1"])
    assert balance(home, at_ms) == pytest.approx(0.0, abs=1e-6)
    home.switch_load(at_ms + 30_000, 0.0, phase=2)
    assert watts(home, at_ms + 30_000, "p_load") == pytest.approx(before["p_load"], rel=0.001)


def test_it_is_not_there_a_second_before() -> None:
    home, plain = site(), site()
    home.switch_load(DAY_MS + 20_000, 3000.0)
    assert watts(home, DAY_MS + 19_000, "p_load") == watts(plain, DAY_MS + 19_000, "p_load")


def test_counters_follow_the_load() -> None:
    home, plain = site(), site()
    home.switch_load(NIGHT_MS + 10_000, 6000.0)
    home.switch_load(NIGHT_MS + 10_000 + 10 * MINUTE_MS, 0.0)
    after_ms = NIGHT_MS + 15 * MINUTE_MS
    taken = watts(home, after_ms, "e_load") - watts(plain, after_ms, "e_load")
    assert taken == pytest.approx(1000.0, abs=15.0)


def test_a_home_that_nobody_switched_lives_as_before() -> None:
    home, plain = site(), site()
    home.switch_load(DAY_MS, 0.0)
    for hour in range(24):
        at_ms = ORIGIN_MS + hour * 60 * MINUTE_MS + 1000
        assert watts(home, at_ms, "e_ac") == pytest.approx(watts(plain, at_ms, "e_ac"), rel=1e-12)


def test_a_live_site_shows_it_at_once() -> None:
    live = LiveSite(site(), StillClock(DAY_MS))
    table = live.image().tables[4]
    before = table[13007]
    live.site.switch_load(live.now_ms(), 1500.0)
    live.changed()
    assert live.image().tables[4][13007] - before == pytest.approx(1500, abs=1)


@pytest.mark.parametrize(("watts_", "phase", "problem"), [(1000.0, 4, "phase 4"), (-5.0, 1, "-5 W"), (1e6, 1, "1e")])
def test_a_load_that_cannot_be(watts_: float, phase: int, problem: str) -> None:
    with pytest.raises(SimError, match=problem):
        site().switch_load(DAY_MS, watts_, phase)


def test_energy_of_switchings() -> None:
    switched = Switched()
    switched.add(Switching(3_600_000, 1, 1000.0))
    switched.add(Switching(7_200_000, 2, 500.0))
    switched.add(Switching(10_800_000, 1, 0.0))
    assert switched.at(0) == (0.0, 0.0, 0.0)
    assert switched.at(7_200_000) == (1000.0, 500.0, 0.0)
    assert switched.energy_wh(14_400_000) == pytest.approx(1000 + 1500 + 500)
    assert switched.cuts(3_600_000, 10_800_000) == [7_200_000, 10_800_000]


async def test_heat_is_asked_for_at_a_heating_site_only() -> None:
    async with stand("luxtronik", scenario="boiler-healthy") as boiler, stand("sungrow-sh") as home:
        with pytest.raises(SimError, match="no heat can be asked for at a home"):
            home.heat(25)
        with pytest.raises(SimError, match="60 °C: expected 5 to 35"):
            boiler.heat(60)


def test_the_water_gets_warmer_when_heat_is_asked_for() -> None:
    site = Site(load_scenario("boiler-healthy"), ORIGIN_MS)
    at_ms = ORIGIN_MS + 26 * 60 * MINUTE_MS
    before = site.facts(at_ms)["t_flow"]
    later = site.facts(at_ms + 10 * MINUTE_MS)["t_flow"]
    site.ask_for_heat(at_ms, 28.0)
    assert site.facts(at_ms)["t_flow"] == before
    asked = site.facts(at_ms + 10 * MINUTE_MS)["t_flow"]
    assert isinstance(asked, float)
    assert isinstance(later, float)
    assert asked > later + 4
