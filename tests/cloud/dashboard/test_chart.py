import json
import re
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from agent.domain import signals as sg
from cloud.dashboard.chart import BOTTOM, LEFT, RIGHT, TOP, Frame, draw
from cloud.ports import FaultRow, SeriesPoint

STEP = 300_000
FRAME = Frame(0, 100 * STEP, STEP, ZoneInfo("UTC"))


def point(index: int, mean: float | None, spread: float = 1.0) -> SeriesPoint:
    if mean is None:
        return SeriesPoint(index * STEP, None, None, None, None, 0, 3)
    return SeriesPoint(index * STEP, mean, mean - spread, mean + spread, mean, 3, 0)


def fault(start_ms: int, end_ms: int | None) -> FaultRow:
    return FaultRow("f", "d", "no_heat", "critical", "boiler", start_ms, end_ms, 0.0, {}, None)


def test_gaps_stay_gaps() -> None:
    points = [point(0, 5.0), point(1, 6.0), point(2, None), point(3, 6.0), point(4, 7.0), point(9, 3.0)]
    chart = draw(sg.ROOM_TEMPERATURE, points, [], FRAME)
    assert len(chart.lines) == 3
    assert len(chart.bands) == 2
    assert len(json.loads(chart.points)) == 5


def test_windows_longer_than_the_step_are_one_line() -> None:
    points = [point(index, 5.0) for index in (0, 3, 6, 9, 21, 24, 27)]
    chart = draw(sg.ROOM_TEMPERATURE, points, [], FRAME)
    assert len(chart.lines) == 2


def test_two_points_far_apart_are_not_joined() -> None:
    assert len(draw(sg.ROOM_TEMPERATURE, [point(0, 5.0), point(60, 5.0)], [], FRAME).lines) == 2


def test_without_data_there_are_axes_and_no_line() -> None:
    chart = draw(sg.PV_POWER, [point(1, None)], [], FRAME)
    assert chart.lines == ()
    assert chart.last == "–"
    assert len(chart.y_ticks) >= 2


def test_power_keeps_its_zero_and_large_powers_are_kilowatts() -> None:
    chart = draw(sg.GRID_POWER, [point(0, -3000.0), point(1, 900.0)], [], FRAME)
    assert chart.unit == "kW"
    assert chart.zero is not None
    assert "0" in [tick.label for tick in chart.y_ticks]
    assert "−4" in [tick.label for tick in chart.y_ticks]


def test_labels_tell_their_ticks_apart() -> None:
    chart = draw(sg.ROOM_TEMPERATURE, [point(0, 18.0, 0.0), point(1, 28.0, 0.0)], [], FRAME)
    labels = [tick.label for tick in chart.y_ticks]
    assert labels == ["17.5", "20.0", "22.5", "25.0", "27.5", "30.0"]


def test_a_share_of_time_is_a_percentage() -> None:
    chart = draw(sg.BURNER_ON, [point(0, 0.25, 0.0)], [], FRAME)
    assert [chart.y_ticks[0].label, chart.y_ticks[-1].label] == ["0", "100"]


def test_faults_are_shaded_where_they_were() -> None:
    rows = [fault(10 * STEP, 20 * STEP), fault(90 * STEP, None), fault(-9 * STEP, -5 * STEP), fault(200 * STEP, None)]
    shades = draw(sg.PV_POWER, [], rows, FRAME).shades
    assert len(shades) == 2
    width = RIGHT - LEFT
    assert abs(shades[0].x - (LEFT + width * 0.1)) < 0.01
    assert abs(shades[0].width - width * 0.1) < 0.01
    assert shades[1].text.startswith("No heat")
    assert shades[1].text.endswith("now")


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(float("nan")), st.just(float("inf"))), max_size=60))
def test_whatever_comes_stays_inside_the_frame(values: list[float | None]) -> None:
    points = [point(index, value) for index, value in enumerate(values)]
    chart = draw(sg.GRID_POWER, points, [], FRAME)
    for path in (*chart.lines, *chart.bands):
        numbers = [float(text) for text in re.findall(r"-?\d+\.\d", path)]
        assert all(LEFT - 0.1 <= x <= RIGHT + 0.1 for x in numbers[::2])
        assert all(TOP - 0.1 <= y <= BOTTOM + 0.1 for y in numbers[1::2])
    assert "nan" not in "".join(chart.lines)
