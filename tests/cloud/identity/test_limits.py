"""Guessing gets slow, and nobody else does."""

import pytest

from cloud.identity.limits import LimitSettings, Refusals, network


def test_ten_refusals_and_then_one_every_half_minute() -> None:
    refusals = Refusals(LimitSettings(refusals=10, again_s=30))
    for _ in range(10):
        assert refusals.wait_s("192.0.2.1", 0) == 0
        refusals.refused("192.0.2.1", 0)
    assert refusals.wait_s("192.0.2.1", 0) == 30
    assert refusals.wait_s("192.0.2.1", 29_000) == pytest.approx(1)
    assert refusals.wait_s("192.0.2.1", 30_000) == 0
    refusals.refused("192.0.2.1", 30_000)
    assert refusals.wait_s("192.0.2.1", 30_000) == 30
    assert refusals.wait_s("192.0.2.2", 30_000) == 0
    assert refusals.wait_s("192.0.2.1", 1_000_000) == 0


def test_a_network_of_ipv6_is_one_and_so_is_an_address_in_two_shapes() -> None:
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9")
    assert network("2001:db8:1:2::1") != network("2001:db8:1:3::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("") == ""


def test_a_clock_that_is_set_back_locks_nobody_out_for_longer() -> None:
    refusals = Refusals(LimitSettings(refusals=1, again_s=30))
    refusals.refused("192.0.2.1", 1_000_000)
    assert refusals.wait_s("192.0.2.1", 0) == 30


def test_it_remembers_a_bounded_number_of_addresses() -> None:
    refusals = Refusals(LimitSettings(refusals=1, again_s=30))
    for number in range(10_002):
        refusals.refused(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0)
    assert refusals.wait_s("10.0.0.0", 0) == 0
    assert refusals.wait_s("10.0.39.17", 0) == 30
