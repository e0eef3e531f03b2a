"""Every fault of requests and values, seen as bytes on a real connection."""

import asyncio
import struct

import pytest

from firmware_sim.bus.values import CONSTANT_WORD
from firmware_sim.errors import BadArgument
from tests.firmware_sim.stand import DAY_MS, NIGHT_MS, Tcp, client, move, read, signed32, stand
from tests.firmware_sim.support import MINUTE_MS

MORNING_MS = NIGHT_MS + 12 * 60 * MINUTE_MS
P_GRID, SOC, E_EXPORT, P_BATT = 37113, 37760, 37119, 37765


async def headers_of(reader: Tcp) -> dict[int, int]:
    """The header addresses of all SunSpec models."""
    headers, place = {}, 40002
    assert await reader.words(40000, 2) == [0x5375, 0x6E53]
    while (head := await reader.words(place, 2))[0] != 0xFFFF:
        headers[head[0]] = place
        place += 2 + head[1]
    return headers


async def test_without_faults_the_tables_are_read() -> None:
    async with stand() as cellar, client(cellar) as reader:
        flows = cellar.live.site.facts(DAY_MS)
        assert signed32(await reader.words(P_GRID, 2)) == round(-float(str(flows["p_grid"])))


async def test_silence_says_nothing_and_ends() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("silence", count=1)
        assert await reader.ask(read(SOC, 1), 0.3) is None
        assert await reader.ask(read(SOC, 1)) is not None


async def test_a_share_of_requests_is_struck() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("exception", exception=4, rate=0.3)
        answers = [await reader.ask(read(SOC, 1)) for _ in range(200)]
        refused = sum(1 for answer in answers if answer == bytes([0x83, 4]))
        assert 35 <= refused <= 85


async def test_every_third_request_is_struck() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("exception", exception=6, every=3)
        answers = [await reader.ask(read(SOC, 1)) for _ in range(9)]
        assert [answer == bytes([0x83, 6]) for answer in answers] == [False, False, True] * 3


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 6, 10, 11])
async def test_exceptions_even_the_one_that_is_none(code: int) -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("exception", exception=code)
        assert await reader.ask(read(SOC, 1)) == bytes([0x83, code])


async def test_an_exception_can_keep_to_some_addresses() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("exception", exception=2, first=37700, last=37799)
        assert await reader.ask(read(SOC, 1)) == bytes([0x83, 2])
        assert signed32(await reader.words(P_GRID, 2)) > 0


async def test_a_gateway_waits_in_vain_and_says_so() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("gateway_timeout", seconds=0.3, count=1)
        await reader.send(read(SOC, 1))
        assert await reader.receive(0.2) is None
        assert await reader.receive(5) == (1, bytes([0x83, 11]))


async def test_slow_answers_come() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("slow", seconds=0.4, count=1)
        await reader.send(read(SOC, 1))
        assert await reader.receive(0.25) is None
        got = await reader.receive(5)
        assert got is not None
        assert got[1][:2] == bytes([3, 2])


async def test_a_late_answer_is_overtaken() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("late", seconds=0.4, count=1)
        await reader.send(read(SOC, 1))
        assert await reader.receive(0.15) is None
        await reader.send(read(P_GRID, 2))
        first, second = await reader.receive(5), await reader.receive(5)
        assert first is not None
        assert second is not None
        assert (first[0], first[1][1], second[0], second[1][1]) == (2, 4, 1, 2)


async def test_the_previous_answer_comes_under_the_new_transaction() -> None:
    async with stand() as cellar, client(cellar) as reader:
        soc = await reader.words(SOC, 1)
        cellar.fault("late", form="previous")
        assert await reader.ask(read(P_GRID, 2)) == bytes([3, 2]) + struct.pack(">H", *soc)
        got = await reader.ask(read(SOC, 1))
        assert got is not None
        assert got[1] == 4


@pytest.mark.parametrize(("form", "expected"), [("zero", [0, 0]), ("previous", [1, 2])])
async def test_odd_transactions(form: str, expected: list[int]) -> None:
    async with stand() as cellar, client(cellar) as reader:
        await reader.ask(read(SOC, 1))
        cellar.fault("transaction", form=form)
        seen = []
        for _ in expected:
            await reader.send(read(SOC, 1))
            got = await reader.receive(5)
            assert got is not None
            seen.append(got[0])
        assert seen == expected


async def test_who_sleeps_wakes_by_the_first_request_and_answers_the_second() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("drop_first", seconds=1.0)
        assert await reader.ask(read(SOC, 1), 0.3) is None
        assert await reader.ask(read(SOC, 1)) is not None
        assert await reader.ask(read(SOC, 1)) is not None
        await asyncio.sleep(1.05)
        assert await reader.ask(read(SOC, 1), 0.3) is None


@pytest.mark.parametrize(("form", "reply"), [("mute", None), ("busy", bytes([0x83, 6]))])
async def test_slow_after_connecting(form: str, reply: bytes | None) -> None:
    async with stand() as cellar:
        cellar.fault("slow_start", seconds=1.0, form=form)
        async with client(cellar) as reader:
            assert await reader.ask(read(SOC, 1), 0.7) == reply
            await asyncio.sleep(1.0)
            assert (await reader.words(SOC, 1))[0] > 0


async def test_slow_at_night_only() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("night_slow", seconds=0.5)
        assert await reader.ask(read(SOC, 1)) is not None
        move(cellar, NIGHT_MS)
        assert await reader.ask(read(SOC, 1), 0.3) is None
        assert await reader.receive(5) is not None


@pytest.mark.parametrize(("form", "length"), [("short", 4), ("long", 8), ("slipped", 6)])
async def test_one_register_too_few_too_many_or_slipped(form: str, length: int) -> None:
    async with stand() as cellar, client(cellar) as reader:
        right = await reader.words(P_GRID, 3)
        cellar.fault("length", form=form, count=1)
        got = await reader.ask(read(P_GRID, 3))
        assert got is not None
        assert (got[1], len(got)) == (length, length + 2)
        if form == "slipped":
            assert list(struct.unpack(">3H", got[2:])) == [*right[1:], 0]
        assert await reader.words(P_GRID, 3) == right


async def test_zeros_for_one_poll() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("zeros", count=1)
        assert await reader.words(37100, 20) == [0] * 20
        assert any(await reader.words(37100, 20))


async def test_a_gateway_answers_a_pattern_of_its_own() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("constant", first=37760, last=37766, count=1)
        assert await reader.words(SOC, 1) == [CONSTANT_WORD]
        assert (await reader.words(SOC, 1)) != [CONSTANT_WORD]


async def test_sentinels_for_one_poll_are_the_device_s_own() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("sentinels", count=2)
        assert await reader.words(P_GRID, 2) == [0x7FFF, 0xFFFF]
        assert await reader.words(SOC, 1) == [0xFFFF]
        assert (await reader.words(SOC, 1))[0] <= 1000


async def test_sentinels_at_night() -> None:
    async with stand("sma-hybrid") as cellar, client(cellar) as reader:
        cellar.fault("sentinels", form="night")
        assert await reader.words(30775, 2) != [0x8000, 0]
        move(cellar, NIGHT_MS)
        assert await reader.words(30775, 2) == [0x8000, 0]
        assert await reader.words(30845, 2) == [0xFFFF, 0xFFFF]


async def test_sentinels_on_the_first_poll_after_the_night() -> None:
    async with stand(at_ms=NIGHT_MS) as cellar, client(cellar) as reader:
        cellar.fault("sentinels", form="wake")
        assert await reader.words(SOC, 1) != [0xFFFF]
        move(cellar, MORNING_MS)
        assert await reader.words(SOC, 1) == [0xFFFF]
        assert await reader.words(SOC, 1) != [0xFFFF]


async def test_sentinels_on_the_first_poll_of_a_connection() -> None:
    async with stand("solaredge-storedge") as cellar:
        cellar.fault("sentinels", form="connect")
        async with client(cellar) as reader:
            assert await reader.words(40083, 2) == [0x8000, 0x8000]
            assert await reader.words(40083, 2) != [0x8000, 0x8000]


async def test_a_pair_is_torn_between_two_moments() -> None:
    async with stand() as cellar, client(cellar) as reader:
        before = await reader.words(P_BATT, 2)
        move(cellar, NIGHT_MS)
        after = await reader.words(P_BATT, 2)
        assert before[0] != after[0], "the scenario must cross zero here"
        move(cellar, DAY_MS)
        await reader.words(P_BATT, 2)
        move(cellar, NIGHT_MS)
        cellar.fault("torn", first=P_BATT, last=P_BATT, count=1)
        assert await reader.words(P_BATT, 2) == [before[0], after[1]]
        assert await reader.words(P_BATT, 2) == after


async def test_a_pair_with_the_low_word_first_is_torn_by_its_halves_too() -> None:
    async with stand("sungrow-sh") as cellar, client(cellar) as reader:
        before = await reader.words(5213, 2, 4)
        move(cellar, NIGHT_MS)
        after = await reader.words(5213, 2, 4)
        cellar.fault("torn", form="old_high", first=5213, last=5213)
        assert await reader.words(5213, 2, 4) == [after[0], before[1]]
        cellar.clear()
        cellar.fault("torn", form="old_low", first=5213, last=5213)
        assert await reader.words(5213, 2, 4) == [before[0], after[1]]


@pytest.mark.parametrize("form", ["dip", "reset", "minus_one"])
async def test_counters_dip_reset_or_show_minus_one(form: str) -> None:
    async with stand() as cellar, client(cellar) as reader:
        right = signed32(await reader.words(E_EXPORT, 2))
        grid = await reader.words(P_GRID, 2)
        cellar.fault("counter", form=form)
        expected = {"dip": right - 1, "reset": 0, "minus_one": -1}[form]
        assert signed32(await reader.words(E_EXPORT, 2)) == expected
        assert await reader.words(P_GRID, 2) == grid


async def test_no_charge_on_every_second_poll() -> None:
    async with stand("fronius-gen24") as cellar, client(cellar) as reader:
        found = (await headers_of(reader))[124] + 8
        cellar.fault("soc_zero", every=2)
        seen = [(await reader.words(found, 1))[0] for _ in range(6)]
        assert [value == 0 for value in seen] == [False, True] * 3


async def test_a_block_is_stuck_while_others_move() -> None:
    async with stand() as cellar, client(cellar) as reader:
        first = await reader.words(P_BATT, 2), await reader.words(P_GRID, 2)
        cellar.fault("stuck", first=37758, last=37790)
        assert await reader.words(P_BATT, 2) == first[0]
        move(cellar, NIGHT_MS)
        assert await reader.words(P_BATT, 2) == first[0]
        assert await reader.words(P_GRID, 2) != first[1]
        cellar.clear("stuck")
        assert await reader.words(P_BATT, 2) != first[0]


async def test_words_are_swapped_from_now_on() -> None:
    async with stand() as cellar, client(cellar) as reader:
        right, soc = await reader.words(P_GRID, 2), await reader.words(SOC, 1)
        cellar.fault("words_swapped")
        assert await reader.words(P_GRID, 2) == right[::-1]
        assert await reader.words(SOC, 1) == soc


@pytest.mark.parametrize(("form", "address", "other"), [("battery", P_BATT, P_GRID), ("grid", P_GRID, P_BATT)])
async def test_a_sign_turns_from_now_on(form: str, address: int, other: int) -> None:
    async with stand() as cellar, client(cellar) as reader:
        right, rest = signed32(await reader.words(address, 2)), await reader.words(other, 2)
        cellar.fault("sign", form=form)
        assert signed32(await reader.words(address, 2)) == -right
        assert await reader.words(other, 2) == rest
        cellar.clear()
        assert signed32(await reader.words(address, 2)) == right


async def test_a_new_firmware_shows_sizes_where_signs_were() -> None:
    async with stand("sungrow-sh", at_ms=NIGHT_MS) as cellar, client(cellar) as reader:
        assert (await reader.words(13021, 1, 4))[0] < 0x8000
        assert (await reader.words(13000, 1, 4))[0] & 0b110 == 0b100
        move(cellar, DAY_MS)
        assert (await reader.words(13021, 1, 4))[0] >= 0x8000, "charging is negative there"
        cellar.fault("firmware", option="firmware=old")
        assert (await reader.words(13021, 1, 4))[0] < 0x8000
        assert (await reader.words(13000, 1, 4))[0] & 0b110 == 0b010
        assert await reader.ask(read(5213, 2, 4)) == bytes([0x84, 2])


async def test_the_map_moves() -> None:
    async with stand() as cellar, client(cellar) as reader:
        right = await reader.words(P_GRID, 2)
        cellar.fault("moved", words=6)
        assert await reader.words(P_GRID + 6, 2) == right


async def test_scale_factors_move_at_sunrise_with_their_values() -> None:
    async with stand("fronius-gen24", at_ms=NIGHT_MS) as cellar, client(cellar) as reader:
        power = (await headers_of(reader))[103] + 14
        cellar.fault("scale_moves", words=1)
        night = await reader.words(power, 2)
        move(cellar, MORNING_MS)
        value, scale = await reader.words(power, 2)
        assert scale != night[1]
        meant = float(str(cellar.live.site.facts(MORNING_MS)["p_ac"]))
        exponent = scale - 0x10000 if scale >= 0x8000 else scale
        assert value * 10.0**exponent == pytest.approx(meant, abs=0.51 * 10.0**exponent)
        cellar.clear()
        assert (await reader.words(power, 2))[1] != scale


async def test_a_device_asked_too_soon_says_nothing() -> None:
    async with stand("growatt") as cellar, client(cellar) as reader:
        assert len(await reader.words(0, 2, 4)) == 2
        assert await reader.ask(read(0, 2, 4), 0.2) is None
        await asyncio.sleep(0.7)
        assert len(await reader.words(0, 2, 4)) == 2


async def test_a_read_must_not_cross_a_block() -> None:
    async with stand("growatt", gap_ms="0") as cellar, client(cellar) as reader:
        assert len(await reader.words(0, 125, 4)) == 125
        assert await reader.ask(read(124, 2, 4)) == bytes([0x84, 2])
        assert await reader.ask(read(0, 126, 4)) == bytes([0x84, 3])


async def test_a_fault_of_some_minutes_passes() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("exception", exception=6, minutes=2)
        assert await reader.ask(read(SOC, 1)) == bytes([0x83, 6])
        move(cellar, DAY_MS + 3 * MINUTE_MS)
        assert (await reader.words(SOC, 1))[0] > 0


@pytest.mark.parametrize(
    ("code", "details", "problem"),
    [
        ("boredom", {}, "fault boredom: 'boredom' is not a valid BusCode"),
        ("noise", {"form": "loud"}, "noise: form 'loud' is not known; expected bit, before, tail"),
        ("silence", {"rate": 2.0}, "rate 2: expected 0 to 1"),
        ("exception", {"exception": 7}, "exception 7: expected one of 0, 1"),
        ("firmware", {}, "firmware: option '' says nothing; expected KEY=VALUE"),
        ("silence", {"volume": 3}, "unexpected keyword"),
    ],
)
async def test_a_switch_that_is_none_is_one_clear_line(code: str, details: dict[str, object], problem: str) -> None:
    async with stand() as cellar:
        with pytest.raises(BadArgument, match=problem):
            cellar.fault(code, **details)


async def test_a_firmware_that_the_family_does_not_have() -> None:
    async with stand("sungrow-sh") as cellar:
        with pytest.raises(BadArgument, match="option firmware=newest: expected one of new, old"):
            cellar.fault("firmware", option="firmware=newest")


async def test_the_huawei_identifies_itself() -> None:
    async with stand() as cellar, client(cellar) as reader:
        pdu = await reader.ask(bytes([0x2B, 0x0E, 1, 0]))
        assert pdu is not None
        assert b"SUN2000-10KTL-M1" in pdu
