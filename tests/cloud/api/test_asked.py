from pathlib import Path

import msgspec
import pytest

from tests.cloud.api.conftest import Api
from tests.helpers.works import demo_works


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/devices?fualt=x", "did you mean fault?"),
        ("/devices?online=true&fualt=x", "did you mean fault?"),
        ("/faults?fualt=x", "one of active, code, device, from, limit, offset, to"),
        ("/faults?form=0", "did you mean from?"),
        ("/mtbf?fualt=x", "one of code, device, group"),
        ("/events?device=ember-101&fualt=x", "one of device, limit"),
        ("/energy?device=ember-101&fualt=x", "one of device, from, limit, to"),
        ("/quarantine?fualt=x", "one of limit"),
        ("/devices/ember-101/signals?fualt=x", "no parameters"),
    ],
)
def test_a_parameter_that_nobody_knows_is_refused(api: Api, path: str, expected: str) -> None:
    error = api.problem(path, 422)
    assert error["field"] in ("fualt", "form")
    assert error["expected"] == expected


@pytest.mark.parametrize("path", ["/incidents", "/jobs/mtbf/runs"])
def test_lists_of_the_other_desks_refuse_it_too(tmp_path: Path, path: str) -> None:
    assert demo_works(tmp_path).problem(f"/api/v1{path}?limti=3", 422)["expected"] == "did you mean limit?"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/devices?fault=battery_not_chargin", "fault"),
        ("/faults?code=battery_not_chargin", "code"),
        ("/mtbf?code=battery_not_chargin", "code"),
    ],
)
def test_a_fault_code_that_nobody_knows_is_refused(api: Api, path: str, field: str) -> None:
    error = api.problem(path, 422)
    assert (error["field"], error["value"]) == (field, "battery_not_chargin")
    assert error["expected"].startswith("did you mean battery_not_charging")


def test_a_code_that_this_version_does_not_know_and_a_device_has_told_of_can_be_asked_for(api: Api) -> None:
    row = api.fleet.faults(code="no_heat")[0]
    api.fleet.fault_list.append(msgspec.structs.replace(row, id="new", code="of_tomorrow"))
    assert len(api.json("/faults?code=of_tomorrow")["items"]) == 1
