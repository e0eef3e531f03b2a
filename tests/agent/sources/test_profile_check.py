"""What a profile is refused for, with line, field, value and expectation."""

import pytest

from agent.domain.errors import BadSetup
from agent.domain.signals import GRID_POWER
from agent.sources.profile import bind_absolute
from agent.sources.profile_file import parse_profile

HEAD = """\
name = "test"
maker = "M"
model = "X"
sources = ["a data sheet"]
"""
GRID = """
[[register]]
signal = "grid_power"
address = 10
type = "i32"
"""


def refusal(text: str) -> BadSetup:
    with pytest.raises(BadSetup) as caught:
        parse_profile(text, "test.toml")
    assert "\n" not in str(caught.value)
    return caught.value


def register(**fields: object) -> str:
    lines = "\n".join(f"{key} = {value}" for key, value in fields.items())
    return f"\n[[register]]\n{lines}\n"


def test_an_unknown_signal_is_answered_with_near_names() -> None:
    error = refusal(HEAD + GRID + register(signal='"grid_powr"', address=20, type='"i16"'))
    assert error.where == "test.toml:12"
    assert "unknown signal 'grid_powr'; did you mean grid_power" in error.problem


@pytest.mark.parametrize(
    ("entry", "line", "words"),
    [
        (register(signal='"grid_power"', address=10, type='"u17"'), 9, ["field type", "'u17'", "u16, i16"]),
        (register(signal='"grid_power"', address=10, type='"i16"', adress=3), 10, ["field adress", "unknown key"]),
        (register(signal='"grid_power"', address='"ten"', type='"i16"'), 8, ["field address", "'ten'", "int"]),
        (register(signal='"grid_power"', address=10, type='"i16"', sign=2), 10, ["field sign", "2"]),
        (register(signal='"grid_power"', address=10, type='"i16"', unit='"kW"'), 10, ["field unit", "'kW'", "'W'"]),
        (register(signal='"grid_power"', address=70000, type='"i16"'), 8, ["field address", "70000", "65535"]),
        (register(signal='"grid_power"', address=65535, type='"i32"'), 8, ["field address", "65535", "65534"]),
        (register(signal='"grid_power"', type='"i16"'), 6, ["field address", "expected an address"]),
        (register(address=10, type='"i16"'), 6, ["field signal", "either signal or identity"]),
        (register(signal='"pump_on"', address=10, function=1, type='"u16"'), 9, ["field function", "1"]),
        (register(signal='"_x"', address=10, type='"str"', words=4), 9, ["field type", "identity"]),
        (register(signal='"_x"', address=10, type='"u16"', bit=16), 10, ["field bit", "16", "0 to 15"]),
        (register(signal='"_x"', address=10, type='"u16"', sentinel="[65536]"), 10, ["field sentinel", "65536"]),
        (
            register(signal='"inverter_state"', address=10, type='"enum16"', map='{ 1 = "dozing" }'),
            10,
            ["field map", "'dozing'", "sleeping"],
        ),
        (
            register(signal='"inverter_alarm"', address=10, type='"bits16"', bits='{ 16 = "grid" }'),
            10,
            ["field bits", "'16'", "0 to 15"],
        ),
        (register(signal='"grid_power"', address=10, type='"i16"', variant='"b"'), 10, ["field variant", "'b'"]),
        (register(identity='"model"', address=1, type='"u16"', text='"x"'), 10, ["field text", "'x'"]),
        (register(signal='"_x"', at=1, models="[1]", type='"u16"'), 6, ["field address"]),
    ],
)
def test_a_bad_field_is_named_with_its_line(entry: str, line: int, words: list[str]) -> None:
    error = refusal(HEAD + entry)
    assert error.where == f"test.toml:{line}"
    for word in words:
        assert word in error.problem


def test_overlapping_fields_are_refused() -> None:
    error = refusal(HEAD + GRID + register(signal='"load_power"', address=11, type='"u16"'))
    assert error.where == "test.toml:13"
    assert "overlaps grid_power (register 1) at word 11" in error.problem


@pytest.mark.parametrize(
    "other",
    [
        register(signal='"load_power"', address=12, type='"u16"'),
        register(signal='"load_power"', address=10, function=4, type='"u16"'),
    ],
)
def test_neighbours_and_other_functions_do_not_overlap(other: str) -> None:
    parse_profile(HEAD + GRID + other, "test.toml")


def test_views_of_bits_may_share_their_word() -> None:
    flags = [register(signal=f'"{name}"', address=7, type='"bits16"', bit=n) for n, name in enumerate(["_a", "_b"])]
    assert len(parse_profile(HEAD + "".join(flags), "test.toml").register) == 2
    error = refusal(HEAD + flags[0] + register(signal='"_c"', address=7, type='"u16"'))
    assert "overlaps _a" in error.problem


def test_a_missing_scale_factor_register() -> None:
    error = refusal(HEAD + register(signal='"grid_power"', address=10, type='"i16"', scale_register='"_factor"'))
    assert error.where == "test.toml:10"
    assert "'_factor'" in error.problem


def test_a_scale_factor_inside_a_value_is_refused() -> None:
    error = refusal(HEAD + GRID + register(signal='"load_power"', address=20, type='"u16"', scale_register=11))
    assert "got 11, which is a word of a value" in error.problem


def test_a_scale_factor_by_name_takes_its_registers_place() -> None:
    factor = register(signal='"_factor"', address=12, type='"i16"')
    value = register(signal='"grid_power"', address=10, type='"i16"', scale_register='"_factor"')
    profile = parse_profile(HEAD + factor + value, "test.toml")
    assert [(r.name, r.scale_register) for r in profile.register] == [(GRID_POWER, 12)]
    assert bind_absolute(profile, 1).fields[0].scale_address == 12


@pytest.mark.parametrize(
    ("limits", "line", "words"),
    [
        ("words_per_read = 126", 6, ["words_per_read", "126", "1 to 125"]),
        ("readable = [{ function = 3, first = 9, last = 2 }]", 6, ["readable", "9 to 2"]),
        ("readable = [{ function = 3, first = 0, last = 10 }]", 10, ["address", "10 to 11", "readable"]),
        ("timeout_s = 0", 6, ["timeout_s", "0"]),
        ("gaps = 0", 6, ["gaps", "unknown key"]),
        ("unit = 256", 6, ["unit", "256"]),
    ],
)
def test_bad_limits(limits: str, line: int, words: list[str]) -> None:
    error = refusal(f"{HEAD}[limits]\n{limits}\n{GRID}")
    for word in words:
        assert word in error.problem
    assert error.where == f"test.toml:{line}"


def test_a_group_beyond_one_request_is_refused() -> None:
    far = [register(signal=f'"_{a}"', address=a, type='"u16"', group='"g"') for a in (0, 200)]
    assert "'g' does not fit into one request" in refusal(HEAD + "".join(far)).problem


def test_a_derived_signal_of_unknown_terms() -> None:
    error = refusal(HEAD + GRID + '\n[[derived]]\nsignal = "load_power"\nplus = ["_ac", "grid_power"]\n')
    assert error.where == "test.toml:13"
    assert "'_ac'" in error.problem


def test_a_fallback_that_is_not_there() -> None:
    error = refusal(HEAD + register(signal='"grid_power"', address=10, type='"i16"', fallback='"_other"'))
    assert error.where == "test.toml:10"
    assert "'_other'" in error.problem
