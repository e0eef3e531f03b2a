"""Discovery over a chain in memory, and where it puts the registers."""

from collections.abc import Mapping, Sequence

import pytest

from agent.domain.signals import BATTERY_CHARGE_TOTAL, BATTERY_POWER, BATTERY_SOC, GRID_POWER, LOAD_POWER, PV_POWER
from agent.sources.answers import Decoder
from agent.sources.planning import Block
from agent.sources.profile import Limits
from agent.sources.profile_file import load_profile
from agent.sources.sunspec import Model, Refused, discover, locate, role_of, rules_in
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.sunspec_device import common, hybrid, inverter, meter, mppt, serve, storage, vendor_model

PROFILE = load_profile("sunspec")


class Reader:
    """Reads from a dictionary; what it does not hold is refused with `code`."""

    def __init__(self, words: Mapping[tuple[int, int, int], int], code: int = 2) -> None:
        self.words = words
        self.code = code
        self.longest = 0

    async def __call__(self, unit: int, function: int, address: int, count: int) -> Sequence[int]:
        self.longest = max(self.longest, count)
        try:
            return [self.words[unit, function, address + i] for i in range(count)]
        except KeyError:
            raise Refused(self.code) from None


def chain(models: Sequence[Sequence[int]], *, base: int = 40000) -> Reader:
    server = ModbusServer()
    serve(server, models, base=base)
    return Reader(server.store)


@pytest.mark.parametrize("base", [40000, 0, 50000])
async def test_the_chain_is_found_at_every_base(base: int) -> None:
    models = await discover(chain(hybrid(), base=base), PROFILE, 1)
    assert [model.number for model in models] == [1, 103, 64_900, 160, 124, 203]
    assert models[0].address == base + 2
    assert models[1].address == base + 4 + 65


async def test_another_register_at_the_base_is_no_marker() -> None:
    reader = chain(hybrid(), base=0)
    # A clock where others have the marker, as one maker does.
    words = dict(reader.words) | {(1, 3, 40000): 0x6789, (1, 3, 40001): 0xABCD}
    assert (await discover(Reader(words), PROFILE, 1))[0].address == 2
    assert await discover(Reader({(1, 3, 40000): 1, (1, 3, 40001): 2}), PROFILE, 1) == []


async def test_a_chain_without_the_word_behind_its_end() -> None:
    reader = chain([common(), inverter(100)])
    last = max(address for _, _, address in reader.words)
    words = {key: word for key, word in reader.words.items() if key[2] != last}
    assert words[1, 3, last - 1] == 0xFFFF
    assert [m.number for m in await discover(Reader(words), PROFILE, 1)] == [1, 103]


async def test_a_chain_without_an_end() -> None:
    reader = chain([common(), inverter(100)])
    words = {key: word for key, word in reader.words.items() if key[2] < 40121}
    assert [m.number for m in await discover(Reader(words), PROFILE, 1)] == [1, 103]


async def test_a_busy_device_is_not_taken_for_a_short_chain() -> None:
    reader = chain([common(), inverter(100)])
    words = {key: word for key, word in reader.words.items() if key[2] < 40070}
    with pytest.raises(Refused):
        await discover(Reader(words, code=6), PROFILE, 1)


async def test_a_chain_that_runs_in_circles_of_zero_length_ends() -> None:
    words = {(1, 3, address): 0 for address in range(40002, 40600)}
    words |= {(1, 3, 40000): 0x5375, (1, 3, 40001): 0x6E53}
    assert len(await discover(Reader(words), PROFILE, 1)) <= 100


async def test_modules_get_their_role_by_name() -> None:
    names = ["MPPT 1", "MPPT 2", "StCha 3", "StDisCha 4"]
    models = await discover(chain([mppt([1, 2, 3, 4], names)]), PROFILE, 1)
    assert models[0].roles == ("string", "string", "charge", "discharge")


@pytest.mark.parametrize(
    ("name", "role"),
    [("Battery charge", "charge"), ("Battery discharge", "discharge"), ("", "string"), ("String 7", "string")],
)
def test_roles(name: str, role: str) -> None:
    assert role_of(PROFILE.modules[0], name) == role


async def test_registers_lie_behind_their_models_headers() -> None:
    models = await discover(chain(hybrid()), PROFILE, 1)
    layout = locate(PROFILE, models)
    header = {model.number: model.address for model in models}
    places = {found.name: (found.address, found.scale_address) for found in layout.fields}
    assert places[GRID_POWER] == (header[203] + 18, header[203] + 22)
    assert places[BATTERY_SOC] == (header[124] + 8, header[124] + 22)
    strings = [found.address for found in layout.fields if found.name == "_string_power"]
    assert strings == [header[160] + 10 + 11, header[160] + 30 + 11]
    assert {PV_POWER, LOAD_POWER, BATTERY_POWER, GRID_POWER, BATTERY_SOC} <= layout.signals


async def test_without_a_battery_there_are_no_battery_signals() -> None:
    layout = locate(PROFILE, await discover(chain([common(), inverter(100), meter(5)]), PROFILE, 1))
    assert {PV_POWER, LOAD_POWER} <= layout.signals
    assert not {BATTERY_POWER, BATTERY_SOC} & layout.signals


async def test_a_hybrids_dc_bus_is_not_taken_for_pv() -> None:
    layout = locate(PROFILE, await discover(chain([common(), inverter(100), storage(5000)]), PROFILE, 1))
    assert PV_POWER not in layout.signals


async def test_a_model_shorter_than_its_definition_lacks_what_is_behind_its_end() -> None:
    layout = locate(PROFILE, [Model(1, 203, 40000, 30)])
    assert layout.signals == {GRID_POWER}


async def test_of_two_meters_the_first_counts() -> None:
    layout = locate(PROFILE, [Model(1, 203, 100, 105), Model(1, 203, 300, 105)])
    assert [f.address for f in layout.fields if f.name == GRID_POWER] == [118]


def test_a_request_stays_inside_a_model() -> None:
    rules = rules_in([Model(1, 103, 100, 50), Model(1, 124, 152, 24)], Limits())
    assert rules.allows(1, 3, 100, 151)
    assert not rules.allows(1, 3, 140, 160)
    assert not rules.allows(1, 3, 99, 110)


async def test_unknown_models_are_skipped_by_their_length() -> None:
    models = await discover(chain([common(), vendor_model(), meter(1)]), PROFILE, 1)
    assert locate(PROFILE, models).signals >= {GRID_POWER}


# Words of model 160 as a Fronius GEN24 sent them (evcc issue 16256): fixed part behind N's place, and the third module.
REAL_HEAD = bytes.fromhex("fffcfffefffffffeffffffff0004ffff")
REAL_MODULE = bytes.fromhex(
    "0003 5374436861203300 0000000000000000 ee97 a6e3 65f2 353616c9 2e814b77 8000 ffff ffffffff"
)


async def test_a_real_gen24s_charging_module() -> None:
    words = [160, 8 + 80, *(int.from_bytes(REAL_HEAD[i : i + 2], "big") for i in range(0, 16, 2))]
    module = [int.from_bytes(REAL_MODULE[i : i + 2], "big") for i in range(0, 40, 2)]
    idle = [0] * 20
    reader = chain([[*words, *idle, *idle, *module, *idle]])
    models = await discover(reader, PROFILE, 1)
    assert models[0].roles[2] == "charge"
    layout = locate(PROFILE, models)
    blocks = [Block(1, 3, models[0].address, 90)]
    slots = {found.name: found for found in layout.fields}
    answer = await reader(1, 3, models[0].address, 90)
    assert answer[slots["_charge_power"].address - models[0].address] == 26098
    values, _ = Decoder(PROFILE, layout, blocks).decode([answer])
    assert values[BATTERY_CHARGE_TOTAL] == pytest.approx(0x353616C9 / 100)
