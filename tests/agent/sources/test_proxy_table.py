"""Numbers of the proxy that cannot be are named with what was expected."""

from typing import Any

import pytest

from agent.domain.errors import BadSetup
from agent.sources.proxy_table import ProxySettings, UnitMap, check


def test_the_defaults_are_right() -> None:
    check(ProxySettings(unit=[UnitMap(1, "meter"), UnitMap(255, "meter", 3)]))


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"port": 99_999}, "proxy.port: got 99999, expected 1 to 65535"),
        ({"clients": 0}, "proxy.clients: got 0, expected 1 to 1000"),
        ({"max_age_s": -1.0}, "proxy.max_age_s: got -1.0, expected 0 to 86400"),
        ({"answer_s": float("nan")}, "proxy.answer_s: got nan"),
        ({"away_s": float("inf")}, "proxy.away_s: got inf"),
        ({"idle_s": 0.0}, "proxy.idle_s: got 0.0"),
        ({"unit": [UnitMap(256, "meter")]}, "proxy.unit.unit: got 256, expected 0 to 255"),
        ({"unit": [UnitMap(1, "meter", -1)]}, "proxy.unit.to: got -1, expected 0 to 255"),
    ],
)
def test_what_cannot_be_is_named(other: dict[str, Any], told: str) -> None:
    with pytest.raises(BadSetup) as refused:
        check(ProxySettings(**({"unit": []} | other)))
    assert told in str(refused.value)
