import msgspec
import pytest

from agent.domain.faults import FaultCode
from cloud.incidents.symptoms import FindingRow, of_fault, of_finding, silent
from tests.helpers.incidents import DAY_MS, HOUR_MS, NOW_MS, Faults, home


def test_a_days_loss_becomes_money_a_day() -> None:
    fleet = Faults()
    short = of_fault(fleet.breaks("a", FaultCode.NO_SOLAR_PRODUCTION, 0, 6 * HOUR_MS, lost_wh=20_000))
    long = of_fault(fleet.breaks("a", FaultCode.NO_SOLAR_PRODUCTION, 0, 4 * DAY_MS, lost_wh=80_000))
    assert short.cost_per_day == pytest.approx(5.0), "what it lost in six hours is what that day lost"
    assert long.cost_per_day == pytest.approx(5.0)


def test_an_assumed_cost_stands_in_where_nothing_is_said() -> None:
    assert of_fault(Faults().breaks("a", FaultCode.NO_HEAT, 0)).cost_per_day == 60.0


def test_the_evidence_is_the_reason_in_a_fixed_order() -> None:
    row = Faults().breaks("a", FaultCode.NO_HEAT, 0, evidence={"b": 2.0, "a": 1.5})
    assert of_fault(row).why == "a 1.5, b 2"


def finding(score: float = 4.0, end_ms: int = NOW_MS) -> FindingRow:
    return FindingRow(
        "a", "behaviour", "short_cycling", score, NOW_MS - 14 * DAY_MS, end_ms, 3.5, "starts 9 times an hour"
    )


def test_a_finding_at_the_end_of_the_data_lasts() -> None:
    assert of_finding(finding(), NOW_MS).end_ms is None
    assert of_finding(finding(end_ms=NOW_MS - 3 * DAY_MS), NOW_MS).end_ms == NOW_MS - 3 * DAY_MS


@pytest.mark.parametrize(("score", "low", "high"), [(-1.0, 0, 0), (0.0, 0, 0), (2.0, 0.89, 0.91), (300.0, 0.99, 1.0)])
def test_a_score_becomes_a_certainty(score: float, low: float, high: float) -> None:
    assert low <= of_finding(finding(score), NOW_MS).certainty <= high


def test_whoever_has_gone_cannot_say_so() -> None:
    gone = msgspec.structs.replace(home(1, 50.0, 8.0, online=False), last_contact_ms=NOW_MS - 2 * HOUR_MS)
    just_now = msgspec.structs.replace(gone, device="home-2", last_contact_ms=NOW_MS - 60_000)
    (one,) = silent([gone, just_now, home(3, 50.0, 8.0)], NOW_MS)
    assert (one.device, one.code, one.start_ms, one.active) == (
        gone.device,
        "device_unreachable",
        gone.last_contact_ms,
        True,
    )
