import pytest

from agent.domain import signals as sg
from cloud.dashboard.pictures import heat_picture, power_picture


@pytest.mark.parametrize(
    ("signal", "value", "name", "direction", "text", "doing"),
    [
        (sg.PV_POWER, 1200.0, "solar", "in", "watts", "generating"),
        (sg.LOAD_POWER, 300.0, "house", "out", "watts", "using"),
        (sg.BATTERY_POWER, 900.0, "battery", "out", "watts", "charging"),
        (sg.BATTERY_POWER, -900.0, "battery", "in", "watts", "discharging"),
        (sg.GRID_POWER, 900.0, "grid", "in", "watts", "importing"),
        (sg.GRID_POWER, -900.0, "grid", "out", "watts", "exporting"),
        (sg.GRID_POWER, 0.0, "grid", "idle", "0 W", "idle"),
    ],
)
def test_energy_flows_the_way_the_sign_says(
    signal: str, value: float, name: str, direction: str, text: str, doing: str
) -> None:
    picture = power_picture({signal: value}, has_battery=True)
    branch = next(branch for branch in picture.branches if branch.name == name)
    assert (branch.direction, branch.doing) == (direction, doing)
    assert "−" not in branch.text
    others = [branch for branch in picture.branches if branch.name != name]
    assert {(branch.direction, branch.text) for branch in others} == {("unknown", "–")}


def test_a_missing_value_is_never_zero() -> None:
    picture = power_picture({}, has_battery=True)
    assert {branch.text for branch in picture.branches} == {"–"}
    assert picture.soc is None
    assert picture.soc_text == "–"


def test_a_site_without_battery_shows_none() -> None:
    assert [branch.name for branch in power_picture({}, has_battery=False).branches] == ["solar", "house", "grid"]


def test_the_picture_in_words() -> None:
    values: dict[str, float] = {
        sg.PV_POWER: 2310.0,
        sg.LOAD_POWER: 640.0,
        sg.BATTERY_POWER: -182.0,
        sg.GRID_POWER: 0.0,
        sg.BATTERY_SOC: 61.5,
    }
    sentence = power_picture(values, has_battery=True).sentence.replace("\u202f", "")
    assert (
        sentence
        == "Solar generating 2310 W, House using 640 W, Battery discharging 182 W, Grid idle 0 W, state of charge 62 %"
    )


def test_more_power_runs_faster() -> None:
    paces = [power_picture({sg.PV_POWER: watts}, has_battery=False).solar.pace for watts in (100.0, 1000.0, 5000.0)]
    assert paces == ["slow", "medium", "fast"]


def test_heating() -> None:
    picture = heat_picture({sg.FLOW_TEMPERATURE: 41.25, sg.BURNER_ON: 1.0, sg.PUMP_ON: 0.0})
    assert (picture.burner, picture.pump, picture.room) == ("on", "off", "–")
    assert picture.flow in ("41.2 °C", "41.3 °C")
    assert heat_picture({}).pump == "unknown"
