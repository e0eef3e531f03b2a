import xml.etree.ElementTree as ET

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cloud.fleet import drawing


@given(st.floats(-500, 500), st.floats(0.01, 1000))
def test_ticks_are_few_round_and_inside(low: float, span: float) -> None:
    found = drawing.ticks(low, low + span)
    assert 1 <= len(found) <= 6
    assert all(low - 1e-6 * span - 1e-5 <= tick <= low + span * 1.000001 + 1e-5 for tick in found)


def test_a_chart_is_well_formed_with_gaps_and_without_data() -> None:
    own = np.sin(np.arange(96)).astype(np.float32)
    own[10:20] = np.nan
    nothing = np.full(96, np.nan, dtype=np.float32)
    for band in ((own - 1, own, own + 1), (nothing, nothing, nothing)):
        panels = [drawing.Panel("Room °C", own, band), drawing.Panel("Flow °C", nothing, band)]
        root = ET.fromstring(drawing.over_time(panels, 0, 900_000, (0, 43_200_000), "x"))
        assert len(root.findall("rect")) == 2
        assert "nan" not in ET.tostring(root, encoding="unicode")


def test_a_line_breaks_at_a_gap() -> None:
    path = drawing.path(np.arange(4.0, dtype=np.float32), np.array([1, np.nan, 2, 3], dtype=np.float32))
    assert path == "M0.0 1.0M2.0 2.0L3.0 3.0"


def test_a_scatter_draws_known_points_only() -> None:
    x = np.array([1, 2, np.nan], dtype=np.float32)
    root = ET.fromstring(drawing.scatter((x, x), (x[:1], x[:1]), ("a", "b"), "x", 3))
    assert len([c for c in root.findall("circle") if c.get("class") == "dot"]) == 2
