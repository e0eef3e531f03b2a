"""The budget of a home on the wire, with what is shipped."""

from agent.uplink.drain import UplinkSettings
from agent.way_out import UplinkTable
from bench.wire import measure


def test_a_home_stays_below_8_kib_a_day() -> None:
    day = measure(days=2)
    assert day["total"] <= 8 * 1024
    assert {"batches", "acknowledgements", "twin", "pings", "connection"} <= day.keys()


def test_the_site_file_ships_what_was_measured() -> None:
    table, measured = UplinkTable("broker"), UplinkSettings("home")
    assert table.flush_interval_s == measured.flush_interval_s
    assert table.report_interval_s == measured.report_interval_s
