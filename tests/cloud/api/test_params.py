import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.api.params import MAX_MS, iso, read_time
from cloud.api.problems import ApiProblem


@given(st.integers(0, MAX_MS))
def test_what_is_written_is_read_back(at_ms: int) -> None:
    assert read_time("from", iso(at_ms)) == at_ms
    assert read_time("from", str(at_ms)) == at_ms


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_clear_error(text: str) -> None:
    try:
        at_ms = read_time("to", text)
    except ApiProblem as error:
        seen: tuple[object, ...] = (error.status, error.problem.field)
    else:
        seen = (0 <= at_ms <= MAX_MS, "to")
    assert seen in ((422, "to"), (True, "to"))


@pytest.mark.parametrize("at_ms", [-1, 10**20])
def test_what_no_calendar_has_is_put_at_its_edge(at_ms: int) -> None:
    assert iso(at_ms)[:4] in ("1970", "9999")
