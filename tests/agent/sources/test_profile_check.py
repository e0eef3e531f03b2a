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
        (register(signal='"_x"', address=10, type='"i16"', sign=-2), 10, ["field sign: got -2, expected 1 or -1"]),
        (
            register(signal='"_x"', address=10, type='"i16"', scale=0),
            10,
            ["field scale: got 0, expected a number other"],
        ),
        (register(signal='"_x"', address=10, type='"i16"', scale="nan"), 10, ["field scale: got nan"]),
        (register(signal='"_x"', address=10, type='"i16"', offset="inf"), 10, ["field offset: got inf"]),
        (register(signal='"_x"', address=10, type='"i16"', floor=-1), 10, ["field floor: got -1, expected 0 or more"]),
        (register(signal='"_x"', address=10, type='"i16"', above="nan"), 10, ["field above: got nan"]),
        (register(signal='"_x"', address=10, type='"i16"', low=5, high=1), 10, ["field low: got 5, expected a number"]),
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


def test_the_table_itself_is_named_without_blanks() -> None:
    assert refusal(f"{HEAD}[limits]\nunit = 256\n{GRID}").problem.startswith("limits, field unit: got 256")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("i16 = [0x88000]", "sentinel, field i16: got 557056, expected a raw pattern of 16 bits"),
        ("u8 = [256]", "sentinel, field u8: got 256, expected a raw pattern of 8 bits"),
        ("i17 = [1]", "sentinel, field i17: unknown type, did you mean i16"),
        ("str = [1]", "sentinel, field str: unknown type, expected one of"),
    ],
)
def test_a_pattern_of_the_whole_profile_fits_its_type(line: str, told: str) -> None:
    error = refusal(f"{HEAD}[sentinel]\n{line}\n{GRID}")
    assert error.where == "test.toml:6"
    assert error.problem.startswith(told)


def test_a_variant_does_not_make_every_value_0() -> None:
    error = refusal(f'{HEAD}{GRID}\n[[variant]]\nname = "w"\nabout = "w"\ntimes = {{ grid_power = 0 }}\n')
    assert "field times: grid_power: got 0, expected not 0" in error.problem


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


@pytest.mark.parametrize(
    ("entry", "line", "words"),
    [
        (register(signal='"_x"', address="[1, 2, 3]", type='"u32"'), 8, ["field address", "3 addresses", "2 words"]),
        (register(signal='"_x"', address="[1, 65536]", type='"u32"'), 8, ["field address", "65536", "65535"]),
        (register(signal='"_x"', address=1, type='"u8"', sentinel="[0xFFFF]"), 10, ["field sentinel", "8 bits"]),
        (register(signal='"_x"', address=1, type='"u8"', bit=8), 10, ["field bit", "0 to 7"]),
        (
            register(signal='"_x"', address=1, type='"u16"', map='{ "9..2" = 1 }'),
            10,
            ["field map", "'9..2'", "first..last"],
        ),
        (register(signal='"_x"', address=1, type='"u16"', map='{ "1..70000" = 1 }'), 10, ["field map", "65535"]),
        (register(signal='"_x"', address=1, type='"bits16"', bits='{ "9..16" = 1 }'), 10, ["field bits", "0 to 15"]),
        (register(signal='"_x"', address=1, type='"u16"', station='"roof"'), 10, ["field station", "'roof'", "none"]),
        (
            register(signal='"grid_power"', address=1, type='"i16"', witness="true"),
            10,
            ["field witness", "begins with _"],
        ),
        (register(signal='"_x"', address=1, type='"u16"', direction='"_way"'), 10, ["field direction", "'_way'"]),
        (register(signal='"_x"', address=1, type='"u16"', variant='"!b"'), 10, ["field variant", "'!b'"]),
    ],
)
def test_what_is_said_of_the_newer_fields(entry: str, line: int, words: list[str]) -> None:
    error = refusal(HEAD + entry)
    assert error.where == f"test.toml:{line}"
    for word in words:
        assert word in error.problem


def test_a_direction_comes_with_its_size_and_says_only_a_sign() -> None:
    way = register(signal='"_way"', address=1, type='"u16"', map="{ 0 = 1, 1 = -1 }", group='"g"')
    size = {"signal": '"grid_power"', "address": 2, "type": '"u16"', "direction": '"_way"'}
    assert "one group" in refusal(HEAD + way + register(**size)).problem
    parse_profile(HEAD + way + register(**size, group='"g"'), "test.toml")
    three = way.replace("-1", "3")
    assert "1, -1 or 0" in refusal(HEAD + three + register(**size, group='"g"')).problem


def test_a_signal_has_one_register_at_a_time() -> None:
    other = register(signal='"grid_power"', address=20, type='"i16"')
    error = refusal(HEAD + GRID + other)
    assert error.where == "test.toml:12"
    assert "register 1 gives it too" in error.problem
    choice = '\n[[variant]]\nname = "old"\nabout = "old firmware"\n'
    variants = GRID + 'variant = "!old"\n' + other + 'variant = "old"\n'
    parse_profile(HEAD + choice + variants, "test.toml")


def test_words_apart_overlap_where_they_are_and_not_between() -> None:
    apart = register(signal='"_far"', address="[10, 14]", type='"u32"')
    parse_profile(HEAD + apart + register(signal='"_mid"', address=12, type='"u16"'), "test.toml")
    assert "overlaps _far" in refusal(HEAD + apart + register(signal='"_mid"', address=14, type='"u16"')).problem


def test_halves_and_stations_share_no_word() -> None:
    halves = [register(signal=f'"_{kind}"', address=7, type=f'"{kind}"') for kind in ("u8", "u8_high")]
    parse_profile(HEAD + "".join(halves), "test.toml")
    station = '\n[[station]]\nname = "meter"\nabout = "a meter"\n'
    there = register(signal='"load_power"', address=10, type='"u16"', station='"meter"')
    parse_profile(HEAD + station + GRID + there, "test.toml")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('[[fingerprint]]\naddress = 0\ntype = "sm16"\nvalues = [1]\n', ["field type", "'sm16'"]),
        ('[[fingerprint]]\naddress = 0\ntype = "f32"\nvalues = [1]\n', ["field values", "low and high for f32"]),
        ("[[fingerprint]]\naddress = 0\nlow = 2\nhigh = 1\n", ["field low", "2.0 and 1.0"]),
        ("[[fingerprint]]\naddress = 0\nlow = 2\n", ["field low", "expected both"]),
        ("[[fingerprint]]\naddress = 0\nlow = 1\nhigh = 2\nvalues = [1]\n", ["field values"]),
        ('[[fingerprint]]\naddress = 0\ntype = "str"\nwords = 2\npattern = "["\n', ["field pattern", "'['"]),
        ("[[fingerprint]]\naddress = 0\nvalues = [1]\nunit = 3\nrequired = true\n", ["field required"]),
        ("[[fingerprint]]\naddress = 0\n", ["field values"]),
        ('[[fingerprint]]\naddress = 0\ntype = "str"\nwords = 4\nvalues = [1]\n', ["field values"]),
        ("[[fingerprint]]\naddress = 0\nfunction = 1\nvalues = [1]\n", ["field address", "function 1"]),
        ('[[fingerprint]]\naddress = 0\nvalues = [1]\nvariant = "x"\n', ["field variant", "'x'"]),
        ("[[modules]]\nmodel = 1\nfirst = 2\nwords = 3\n", ["field kind_at"]),
        ('[[modules]]\nmodel = 1\nfirst = 2\nwords = 3\nkind_at = 0\nkinds = { a = "b" }\n', ["field kinds", "'a'"]),
        ('[[variant]]\nname = "v"\nabout = "a"\ntimes = { _no = 2.0 }\n', ["field times", "'_no'"]),
        ('[[derived]]\nsignal = "load_power"\nplus = ["grid_power"]\noptional = ["_b"]\n', ["field optional", "'_b'"]),
    ],
)
def test_tables_around_the_registers(table: str, words: list[str]) -> None:
    error = refusal(HEAD + table + GRID)
    assert error.where.startswith("test.toml:")
    for word in words:
        assert word in error.problem
