from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from cloud.fleet import costs


def test_a_day_costs_its_share_of_the_heat_and_the_fixed_sum() -> None:
    own = costs.Costs(price_per_kwh=0.2, heat_per_kelvin=10, shares={"hunting": costs.Share(0.1, 1.0)})
    assert own.per_day("hunting", 15) == pytest.approx(0.1 * 15 * 10 * 0.2 + 1.0)
    assert own.per_day("hunting", -3) == 1.0
    assert own.per_day("something else", 15) == 0


def test_an_operators_figures_replace_the_assumed(tmp_path: Path) -> None:
    path = tmp_path / "costs.toml"
    path.write_text('currency = "CHF"\nprice_per_kwh = 0.17\n[shares.no_heat]\nfixed = 99\n')
    own = costs.read(path)
    assert (own.currency, own.price_per_kwh, own.heat_per_kelvin) == ("CHF", 0.17, costs.Costs().heat_per_kelvin)
    assert own.per_day("no_heat", 10) == 99
    assert own.shares["hunting"] == costs.SHARES["hunting"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("price_per_kwh = -1", "price_per_kwh: -1: expected a number from 0 on"),
        ("price = 1", "expected at most price_per_kwh"),
        ("[shares.no_heet]\nfixed = 1", r"shares\.no_heet: no such fault"),
        ("[shares.no_heat]\nfix = 1", "expected at most wasted, fixed"),
        ("x", "not TOML"),
    ],
)
def test_bad_figures_are_told(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "costs.toml"
    path.write_text(text)
    with pytest.raises(BadSetup, match=told):
        costs.read(path)
