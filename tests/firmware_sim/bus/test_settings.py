import pytest

from firmware_sim.bus.settings import parse_settings
from firmware_sim.errors import BadArgument


@pytest.mark.parametrize(
    ("text", "bits", "eight", "silence"),
    [
        ("9600N1", 10, 8 * 10 / 9600, 3.5 * 10 / 9600),
        ("9600E1", 11, 8 * 11 / 9600, 3.5 * 11 / 9600),
        ("19200N2", 11, 8 * 11 / 19200, 3.5 * 11 / 19200),
        ("115200N1", 10, 8 * 10 / 115200, 0.00175),
    ],
)
def test_how_long_characters_take(text: str, bits: int, eight: float, silence: float) -> None:
    settings = parse_settings(text)
    assert str(settings) == text
    assert settings.bits == bits
    assert settings.seconds(8) == pytest.approx(eight)
    assert settings.silence_s == pytest.approx(silence)


def test_settings_that_differ_in_anything_differ() -> None:
    texts = ["9600N1", "9600N2", "9600E1", "9600O1", "19200N1"]
    assert len({parse_settings(text) for text in texts}) == len(texts)
    assert parse_settings("9600E1").with_baud(19200) == parse_settings("19200E1")


@pytest.mark.parametrize("text", ["", "9600", "9600X1", "9600N3", "9601N1", "8N1"])
def test_what_is_none_is_one_clear_line(text: str) -> None:
    with pytest.raises(BadArgument, match="expected like 9600N1"):
        parse_settings(text)
