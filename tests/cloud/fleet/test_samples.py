from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.signals import FLOW_TEMPERATURE, ROOM_TEMPERATURE
from cloud.fleet import samples

rows = st.lists(
    st.tuples(
        st.sampled_from(["1", "2"]),
        st.sampled_from([str(ROOM_TEMPERATURE), str(FLOW_TEMPERATURE)]),
        st.integers(0, 90).map(lambda day: day * 86_400_000),
        st.integers(0, 3).map(float),
    ),
    max_size=12,
)


def frame(table: list[tuple[str, str, int, float]]) -> pl.DataFrame:
    plain = pl.DataFrame(table, schema={**samples.SCHEMA, "time": pl.Int64}, orient="row")
    times = pl.from_epoch("time", time_unit="ms").dt.replace_time_zone("UTC")
    return plain.with_columns(times, city=pl.lit("PAU"))


@settings(max_examples=25, deadline=None)
@given(rows, rows)
def test_a_folder_holds_every_distinct_row_once_whatever_the_order(
    tmp_path_factory, one: list[tuple[str, str, int, float]], two: list[tuple[str, str, int, float]]
) -> None:
    folder = tmp_path_factory.mktemp("folder")
    added = samples.merge(folder, frame(one)) + samples.merge(folder, frame(two))
    assert samples.merge(folder, frame(two + one)) == 0
    distinct = set(one) | set(two)
    assert added == len(distinct)
    if distinct:
        stored = samples.scan(folder).with_columns(pl.col("time").dt.epoch("ms")).collect()
        assert sorted(stored.rows()) == sorted(distinct)


def test_cities_are_kept_beside(tmp_path: Path) -> None:
    samples.merge(tmp_path, frame([("1", str(ROOM_TEMPERATURE), 0, 1.0)]))
    assert samples.cities(tmp_path) == {"1": "PAU"}
    assert samples.cities(tmp_path / "nowhere") == {}
