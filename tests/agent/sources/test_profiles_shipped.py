"""Every shipped profile against words worked out by hand from the makers' facts: order, sign, scale, state."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    BATTERY_POWER,
    BATTERY_SOC,
    BATTERY_TEMPERATURE,
    BOILER_FAULT,
    BURNER_ON,
    DHW_TEMPERATURE,
    FLOW_TEMPERATURE,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    INVERTER_ALARM,
    INVERTER_STATE,
    INVERTER_TEMPERATURE,
    LOAD_ENERGY_TOTAL,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_ENERGY_TOTAL,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    WATER_PRESSURE,
    InverterAlarm,
    InverterState,
    Quality,
)
from agent.sources.answers import Answer, Decoder
from agent.sources.planning import plan_reads, rules_of, spans_of
from agent.sources.profile import bind_absolute
from agent.sources.profile_file import load_profile, profile_names

RUNNING, STANDBY, SLEEPING, FAULT = (
    InverterState.RUNNING,
    InverterState.STANDBY,
    InverterState.SLEEPING,
    InverterState.FAULT,
)


def f32(value: float) -> list[int]:
    return list(struct.unpack(">2H", struct.pack(">f", value)))


def f32_low_first(value: float) -> list[int]:
    return f32(value)[::-1]


@dataclass(frozen=True)
class Case:
    """Words by first address (of function 3 or 4, and of further units behind a station's name), and what they mean."""

    profile: str
    words: Mapping[int, Sequence[int]]
    means: Mapping[str, float]
    variants: tuple[str, ...] = ()
    bad: Mapping[str, Quality] = field(default_factory=dict)
    stations: Mapping[str, int] = field(default_factory=dict)


CASES = {
    "huawei: 3210 W of sun, battery takes 1500, 1234 W exported": Case(
        "huawei-sun2000",
        {
            32008: [0, 0],
            32064: [0x0000, 0x0C8A],
            32080: [0x0000, 0x06AE],
            32087: [0x0183],
            32089: [0x0200],
            32106: [0x0001, 0x86A0],
            37022: [0x00E1],
            37760: [0x022B],
            37765: [0x0000, 0x05DC],
            37780: [0x0000, 0x3039],
            37782: [0x0000, 0x2694],
            37113: [0x0000, 0x04D2],
            37119: [0x0000, 0x1388],
            37121: [0x0000, 0x03E8],
        },
        {
            PV_POWER: 3210,
            BATTERY_POWER: 1500,
            GRID_POWER: -1234,
            LOAD_POWER: 476,
            INVERTER_TEMPERATURE: 38.7,
            INVERTER_STATE: RUNNING,
            INVERTER_ALARM: InverterAlarm.NONE,
            BATTERY_TEMPERATURE: 22.5,
            BATTERY_SOC: 55.5,
            BATTERY_CHARGE_TOTAL: 123_450,
            BATTERY_DISCHARGE_TOTAL: 98_760,
            GRID_EXPORT_TOTAL: 50_000,
            GRID_IMPORT_TOTAL: 10_000,
        },
    ),
    "huawei: discharging at night, importing, over temperature": Case(
        "huawei-sun2000",
        {
            32008: [0, 0x0008],
            32064: [0, 0],
            32080: [0x0000, 0x02BC],
            32087: [0xFFF6],
            32089: [0xA000],
            32106: [0, 1],
            37022: [0x7FFF],
            37760: [100],
            37765: [0xFFFF, 0xFD44],
            37780: [0, 1],
            37782: [0, 1],
            37113: [0xFFFF, 0xFF9C],
            37119: [0, 1],
            37121: [0, 1],
        },
        {
            PV_POWER: 0,
            BATTERY_POWER: -700,
            GRID_POWER: 100,
            LOAD_POWER: 800,
            INVERTER_TEMPERATURE: -1.0,
            INVERTER_STATE: SLEEPING,
            INVERTER_ALARM: InverterAlarm.TEMPERATURE,
        },
        bad={BATTERY_TEMPERATURE: Quality.INVALID},
    ),
    "huawei: without a battery the AC counter is the panels'": Case(
        "huawei-sun2000", {32106: [0x0001, 0x86A0]}, {PV_ENERGY_TOTAL: 1_000_000}, variants=("no_battery",)
    ),
    "sungrow: low word first, newer firmware discharges positive": Case(
        "sungrow-sh",
        {
            4999: [0x0E03],
            5007: [0x0177],
            5016: [0x1194, 0x0000],
            5213: [0xFE0C, 0xFFFF],
            12999: [0x0040, 0x0002],
            13002: [0x86A0, 0x0001],
            13007: [0x0320, 0x0000],
            13009: [0x0C80, 0x0000],
            13021: [500, 873, 990, 0x00E6],
            13026: [1000, 0],
            13036: [2000, 0],
            13040: [3000, 0],
            13045: [4000, 0],
            13049: [0, 0],
        },
        {
            PV_POWER: 4500,
            BATTERY_POWER: 500,
            GRID_POWER: -3200,
            LOAD_POWER: 800,
            BATTERY_SOC: 87.3,
            BATTERY_TEMPERATURE: 23.0,
            INVERTER_TEMPERATURE: 37.5,
            INVERTER_STATE: RUNNING,
            PV_ENERGY_TOTAL: 10_000_000,
            BATTERY_DISCHARGE_TOTAL: 100_000,
            GRID_IMPORT_TOTAL: 200_000,
            BATTERY_CHARGE_TOTAL: 300_000,
            GRID_EXPORT_TOTAL: 400_000,
        },
    ),
    "sungrow: older firmware gives a size, the flow bits its direction": Case(
        "sungrow-sh",
        {4999: [0x0E03], 5016: [0, 0], 12999: [0x0040, 0x0004], 13021: [1500, 500, 990, 0xFFF6]},
        {BATTERY_POWER: -1500, BATTERY_TEMPERATURE: -1.0, BATTERY_SOC: 50.0, PV_POWER: 0},
    ),
    "sungrow: newer firmware signs the size as well": Case(
        "sungrow-sh",
        {4999: [0x0E03], 12999: [0x0040, 0x0004], 13021: [0xFA24, 500]},
        {BATTERY_POWER: -1500},
    ),
    "sungrow: a size without a direction is no value": Case(
        "sungrow-sh", {12999: [0x0040, 0x0000], 13021: [1500]}, {}, bad={BATTERY_POWER: Quality.INVALID}
    ),
    "goodwe: export and discharge are positive on the device": Case(
        "goodwe-et",
        {
            35105: [0, 2000, 0, 0, 0, 1000, 0, 0, 0xFFFF, 0xFFFF, 0, 0, 0xFFFF, 0xFFFF],
            35172: [700],
            35174: [0x0145],
            35182: [0xFFFF, 0xFC18],
            35187: [1],
            35189: [0, 0],
            35191: [0, 50000],
            35203: [0, 400],
            35206: [0, 300],
            35209: [0, 200],
            36015: [*f32(123456.0), *f32(7890.0)],
            36025: [0, 1300],
            37003: [0xFFFB],
            37007: [64],
        },
        {
            LOAD_POWER: 700,
            INVERTER_TEMPERATURE: 32.5,
            BATTERY_POWER: 1000,
            INVERTER_STATE: RUNNING,
            PV_ENERGY_TOTAL: 5_000_000,
            LOAD_ENERGY_TOTAL: 40_000,
            BATTERY_CHARGE_TOTAL: 30_000,
            BATTERY_DISCHARGE_TOTAL: 20_000,
            GRID_EXPORT_TOTAL: 123_456,
            GRID_IMPORT_TOTAL: 7890,
            GRID_POWER: -1300,
            BATTERY_TEMPERATURE: -0.5,
            BATTERY_SOC: 64,
        },
        bad={PV_POWER: Quality.INVALID},
    ),
    "goodwe: old firmware, 16 bits, and a power of -1 W is a value": Case(
        "goodwe-et",
        {35182: [0, 0xFFFF], 36008: [0xFFFF], 35195: [0, 10], 35200: [0, 20]},
        {BATTERY_POWER: 1, GRID_POWER: 1, GRID_EXPORT_TOTAL: 1000, GRID_IMPORT_TOTAL: 2000},
        variants=("protocol_1",),
    ),
    "growatt sph: two unsigned registers each": Case(
        "growatt-sph",
        {
            1: [0, 25000],
            91: [0, 12345],
            93: [0x01A4],
            105: [0],
            1000: [5],
            1009: [0, 0, 0, 8000, 0, 77],
            1021: [0, 0],
            1029: [0, 12000],
            1037: [0, 5000],
            1040: [0x00D2],
            1046: [0, 100],
            1050: [0, 200],
            1054: [0, 300],
            1058: [0, 400],
            1062: [0, 500],
        },
        {
            PV_POWER: 2500,
            BATTERY_POWER: 800,
            GRID_POWER: -1200,
            LOAD_POWER: 500,
            BATTERY_SOC: 77,
            BATTERY_TEMPERATURE: 21.0,
            INVERTER_TEMPERATURE: 42.0,
            INVERTER_STATE: RUNNING,
            INVERTER_ALARM: InverterAlarm.NONE,
            PV_ENERGY_TOTAL: 1_234_500,
            GRID_IMPORT_TOTAL: 10_000,
            GRID_EXPORT_TOTAL: 20_000,
            BATTERY_DISCHARGE_TOTAL: 30_000,
            BATTERY_CHARGE_TOTAL: 40_000,
            LOAD_ENERGY_TOTAL: 50_000,
        },
    ),
    "growatt sph: -1 as 429 million is no power": Case(
        "growatt-sph", {1: [0xFFFF, 0xFFFF], 105: [302]}, {INVERTER_ALARM: InverterAlarm.OTHER}, bad={PV_POWER: 3}
    ),
    "growatt tl-xh: the state is the low half of its word": Case(
        "growatt-tl-xh",
        {
            3000: [0x0501],
            3001: [0, 30000],
            3041: [0, 4000, 0, 0, 0, 10000],
            3053: [0, 700],
            3069: [0, 800],
            3073: [0, 900],
            3105: [0],
            3127: [0, 50],
            3131: [0, 60],
            3171: [42],
            3178: [0, 3000, 0, 0],
        },
        {
            INVERTER_STATE: RUNNING,
            PV_POWER: 3000,
            GRID_POWER: 400,
            LOAD_POWER: 1000,
            PV_ENERGY_TOTAL: 70_000,
            GRID_IMPORT_TOTAL: 80_000,
            GRID_EXPORT_TOTAL: 90_000,
            BATTERY_DISCHARGE_TOTAL: 5000,
            BATTERY_CHARGE_TOTAL: 6000,
            BATTERY_SOC: 42,
            BATTERY_POWER: -300,
        },
    ),
    "growatt tl-xh: the other reading of 3178": Case(
        "growatt-tl-xh", {3171: [42], 3178: [0, 3000, 0, 0]}, {BATTERY_POWER: 300}, variants=("battery_reversed",)
    ),
    "victron: three phases, three places of AC panels": Case(
        "victron-gx",
        {
            808: [100, 200, 300, 10, 0, 0, 0, 0, 0, 400, 500, 600, 0xFF38, 50, 0xFFF6],
            840: [0, 0, 0xFC18, 83, 2],
            850: [1500],
            262: [235],
            266: [834],
            31: [9, 0],
        },
        {
            PV_POWER: 2110,
            LOAD_POWER: 1500,
            GRID_POWER: -160,
            BATTERY_POWER: -1000,
            BATTERY_SOC: 83.4,
            BATTERY_TEMPERATURE: 23.5,
            INVERTER_STATE: RUNNING,
            INVERTER_ALARM: InverterAlarm.NONE,
        },
        stations={"battery": 225, "vebus": 227},
    ),
    "victron: a negative power in an unsigned register": Case(
        "victron-gx",
        {808: [0xFFFE, *[0] * 14], 842: [0, 83, 0], 850: [0]},
        {PV_POWER: 0, LOAD_POWER: 0, GRID_POWER: 0, BATTERY_SOC: 83},
    ),
    "deye one phase: import counter in words 78 and 80": Case(
        "deye-sunsynk-1p",
        {
            59: [2],
            72: [100, 0, 200, 0, 0, 0, 0x0102, 5000, 0x0001, 400, 0, 0, 0, 500, 0],
            90: [1356],
            96: [600, 0],
            103: [0, 0, 0, 0],
            169: [0xFF38],
            178: [900],
            182: [1215],
            184: [58],
            186: [1000, 500, 0, 0, 0xFE0C],
        },
        {
            INVERTER_STATE: RUNNING,
            BATTERY_CHARGE_TOTAL: 10_000,
            BATTERY_DISCHARGE_TOTAL: 20_000,
            GRID_IMPORT_TOTAL: (0x10000 + 0x0102) * 100,
            GRID_EXPORT_TOTAL: 40_000,
            LOAD_ENERGY_TOTAL: 50_000,
            INVERTER_TEMPERATURE: 35.6,
            PV_ENERGY_TOTAL: 60_000,
            INVERTER_ALARM: InverterAlarm.NONE,
            GRID_POWER: -200,
            LOAD_POWER: 900,
            BATTERY_TEMPERATURE: 21.5,
            BATTERY_SOC: 58,
            PV_POWER: 1500,
            BATTERY_POWER: 500,
        },
    ),
    "deye one phase: 16 kW in tens, no battery sensor, a fault": Case(
        "deye-sunsynk-1p",
        {103: [0, 0, 0, 0x0010], 169: [120], 182: [0], 186: [100, 0, 0, 0, 50]},
        {GRID_POWER: 1200, PV_POWER: 1000, BATTERY_POWER: -500, INVERTER_ALARM: InverterAlarm.OTHER},
        variants=("power_in_tens",),
        bad={BATTERY_TEMPERATURE: Quality.INVALID},
    ),
    "deye three phases": Case(
        "deye-sunsynk-3p",
        {
            500: [5],
            516: [1, 0, 2, 0, 0, 0, 3, 0, 4, 0, 0, 5, 0],
            534: [6, 0],
            540: [1100],
            555: [0, 0, 0, 0],
            586: [1050, 5312, 44, 0, 0xFC18],
            625: [0x0960],
            653: [1400],
            672: [2000, 1000, 0, 0],
        },
        {
            INVERTER_STATE: InverterState.STARTING,
            BATTERY_CHARGE_TOTAL: 100,
            BATTERY_DISCHARGE_TOTAL: 200,
            GRID_IMPORT_TOTAL: 300,
            GRID_EXPORT_TOTAL: 400,
            LOAD_ENERGY_TOTAL: 500,
            PV_ENERGY_TOTAL: 600,
            INVERTER_TEMPERATURE: 10.0,
            BATTERY_TEMPERATURE: 5.0,
            BATTERY_SOC: 44,
            BATTERY_POWER: 1000,
            GRID_POWER: 2400,
            LOAD_POWER: 1400,
            PV_POWER: 3000,
        },
    ),
    "deye three phases, high voltage, wide": Case(
        "deye-sunsynk-3p",
        {516: [7, 0], 590: [50], 625: [0x9C40], 690: [0], 653: [0xC350], 659: [0], 672: [150, 0, 0, 0]},
        {BATTERY_CHARGE_TOTAL: 7000, BATTERY_POWER: -500, GRID_POWER: 40_000, LOAD_POWER: 50_000, PV_POWER: 1500},
        variants=("hv", "hv_whole_kwh", "wide"),
    ),
    "deye three phases: high words that hold no value": Case(
        "deye-sunsynk-3p",
        {625: [100], 690: [0x1234], 653: [100], 659: [0x00FF]},
        {},
        variants=("wide",),
        bad={GRID_POWER: Quality.INVALID, LOAD_POWER: Quality.INVALID},
    ),
    "sma: everything in 32 bits": Case(
        "sma-tripower-smart-energy",
        {
            30201: [0, 307],
            30247: [0, 0],
            30581: [0x0012, 0xD687, 0, 1000],
            30773: [0, 1800, 0, 2900],
            30845: [0, 71],
            30849: [0, 247],
            30865: [0, 0, 0, 1900],
            30953: [0, 415],
            30961: [0, 1200],
            30967: [0x8000, 0],
            31393: [0, 0, 0, 100],
            31397: [0, 0, 1, 0],
            31401: [0, 0, 0, 4711],
        },
        {
            INVERTER_STATE: RUNNING,
            INVERTER_ALARM: InverterAlarm.NONE,
            GRID_IMPORT_TOTAL: 1_234_567,
            GRID_EXPORT_TOTAL: 1000,
            BATTERY_SOC: 71,
            BATTERY_TEMPERATURE: 24.7,
            GRID_POWER: -1900,
            INVERTER_TEMPERATURE: 41.5,
            BATTERY_POWER: -100,
            BATTERY_CHARGE_TOTAL: 65536,
            BATTERY_DISCHARGE_TOTAL: 4711,
            LOAD_POWER: 1000,
        },
        bad={PV_POWER: Quality.INVALID},
    ),
    "sma at night: off, and the strings have no value": Case(
        "sma-tripower-smart-energy",
        {30201: [0, 303], 30773: [0x8000, 0, 0x8000, 0], 30961: [0x8000, 0], 30967: [0x8000, 0]},
        {INVERTER_STATE: InverterState.OFF, PV_POWER: 0},
    ),
    "sma running: strings without a value are no 0 W": Case(
        "sma-tripower-smart-energy",
        {30201: [0, 307], 30773: [0x8000, 0], 30961: [0x8000, 0], 30967: [0x8000, 0]},
        {INVERTER_STATE: RUNNING},
        bad={PV_POWER: Quality.INVALID},
    ),
    "sunny island: giving is discharging": Case(
        "sma-sunny-island",
        {
            30201: [0, 307],
            30595: [0, 5000],
            30597: [0, 6000],
            30775: [0, 2000],
            30845: [0, 50],
            30865: [0, 300, 0, 0],
        },
        {
            BATTERY_POWER: -2000,
            BATTERY_SOC: 50,
            GRID_POWER: 300,
            BATTERY_CHARGE_TOTAL: 5000,
            BATTERY_DISCHARGE_TOTAL: 6000,
        },
    ),
    "solis: a size, and its direction": Case(
        "solis-hybrid",
        {
            33029: [0, 1234],
            33057: [0, 3456],
            33093: [0x0172],
            33095: [3],
            33116: [0, 0, 0, 0],
            33135: [1],
            33139: [66],
            33147: [800],
            33149: [0, 900],
            33263: [0xFFFF, 0xFE0C],
            33283: [0, 12345, 0, 54321],
        },
        {
            PV_ENERGY_TOTAL: 1_234_000,
            PV_POWER: 3456,
            INVERTER_TEMPERATURE: 37.0,
            INVERTER_STATE: RUNNING,
            INVERTER_ALARM: InverterAlarm.NONE,
            BATTERY_SOC: 66,
            LOAD_POWER: 800,
            BATTERY_POWER: -900,
            GRID_POWER: 500,
            GRID_IMPORT_TOTAL: 123_450,
            GRID_EXPORT_TOTAL: 543_210,
        },
    ),
    "solis: already signed, older meter, a grid fault": Case(
        "solis-hybrid",
        {33095: [0x1015], 33116: [0x0004, 0, 0, 0], 33130: [0, 250], 33149: [0xFFFF, 0xFC7C]},
        {
            INVERTER_STATE: FAULT,
            INVERTER_ALARM: InverterAlarm.GRID,
            GRID_POWER: -250,
            BATTERY_POWER: -900,
        },
        variants=("battery_signed", "inverter_meter"),
    ),
    "nibe": Case(
        "nibe-s",
        {1: [0xFFCE], 5: [352], 7: [301], 9: [488], 26: [0x8000], 1100: [0x0001], 1975: [0]},
        {
            OUTDOOR_TEMPERATURE: -5.0,
            FLOW_TEMPERATURE: 35.2,
            RETURN_TEMPERATURE: 30.1,
            DHW_TEMPERATURE: 48.8,
            BURNER_ON: 1,
            BOILER_FAULT: 0,
        },
        bad={ROOM_TEMPERATURE: Quality.INVALID},
    ),
    "stiebel eltron": Case(
        "stiebel-eltron-wpm",
        {500: [215], 506: [0xFFE2, 331], 515: [288], 519: [0x00AF], 521: [0x8000], 2500: [0x0041], 2503: [0]},
        {
            ROOM_TEMPERATURE: 21.5,
            OUTDOOR_TEMPERATURE: -3.0,
            FLOW_TEMPERATURE: 33.1,
            RETURN_TEMPERATURE: 28.8,
            WATER_PRESSURE: 1.75,
            PUMP_ON: 1,
            BURNER_ON: 1,
            BOILER_FAULT: 0,
        },
        bad={DHW_TEMPERATURE: Quality.INVALID},
    ),
    "luxtronik": Case(
        "luxtronik",
        {10000: [0x0001], 10100: [295], 10105: [342, 0x7FFF], 10108: [0xFFB0], 10120: [471]},
        {
            BURNER_ON: 1,
            RETURN_TEMPERATURE: 29.5,
            FLOW_TEMPERATURE: 34.2,
            OUTDOOR_TEMPERATURE: -8.0,
            DHW_TEMPERATURE: 47.1,
        },
        bad={ROOM_TEMPERATURE: Quality.INVALID},
    ),
    "idm: low word first": Case(
        "idm-navigator",
        {
            1000: f32_low_first(-1.0),
            1004: [0],
            1014: f32_low_first(49.5),
            1052: f32_low_first(28.25),
            1100: [1],
            1350: f32_low_first(33.5),
            1364: f32_low_first(-1.0),
        },
        {
            OUTDOOR_TEMPERATURE: -1.0,
            DHW_TEMPERATURE: 49.5,
            RETURN_TEMPERATURE: 28.25,
            FLOW_TEMPERATURE: 33.5,
            BURNER_ON: 1,
            BOILER_FAULT: 0,
        },
        bad={ROOM_TEMPERATURE: Quality.INVALID},
    ),
    "samson trovis": Case(
        "samson-trovis-557x",
        {9: [0xFFE7], 12: [412], 16: [350], 19: [210], 22: [0x7FFF], 106: [35], 149: [0]},
        {
            OUTDOOR_TEMPERATURE: -2.5,
            FLOW_TEMPERATURE: 41.2,
            RETURN_TEMPERATURE: 35.0,
            ROOM_TEMPERATURE: 21.0,
            BURNER_ON: 1,
            BOILER_FAULT: 0,
        },
        bad={DHW_TEMPERATURE: Quality.INVALID},
    ),
    "eastron": Case(
        "eastron-sdm630",
        {52: f32(-1234.5), 72: f32(1234.5), 74: f32(0.25)},
        {GRID_POWER: -1234.5, GRID_IMPORT_TOTAL: 1_234_500, GRID_EXPORT_TOTAL: 250},
    ),
    "eastron one phase": Case("eastron-sdm630", {12: f32(77.5)}, {GRID_POWER: 77.5}, variants=("one_phase",)),
    "em24 on RS-485: low word first": Case(
        "carlo-gavazzi-em24-rs485",
        {0x28: [0xCFC7, 0xFFFF], 0x42: [0xE240, 0x0001], 0x5C: [99, 0]},
        {GRID_POWER: -1234.5, GRID_IMPORT_TOTAL: 12_345_600, GRID_EXPORT_TOTAL: 9900},
    ),
    "em24 on Ethernet: the same values elsewhere": Case(
        "carlo-gavazzi-em24-ethernet",
        {0x28: [0xCFC7, 0xFFFF], 0x34: [0xE240, 0x0001], 0x4E: [99, 0]},
        {GRID_POWER: -1234.5, GRID_IMPORT_TOTAL: 12_345_600, GRID_EXPORT_TOTAL: 9900},
    ),
}


def decoded(case: Case) -> tuple[dict[str, float], dict[str, Quality]]:
    """The case's words as the answers to the profile's own requests; words that it does not give are 0."""
    profile = load_profile(case.profile, case.variants)
    unit = profile.limits.unit
    layout, rules = bind_absolute(profile, unit, case.stations), rules_of(profile.limits, unit, case.stations)
    blocks = plan_reads(spans_of(layout.fields, rules), rules)
    memory = {start + i: word for start, words in case.words.items() for i, word in enumerate(words)}
    answers: list[Answer] = []
    for block in blocks:
        inside = [memory.get(address) for address in range(block.address, block.address + block.count)]
        empty = all(word is None for word in inside)
        answers.append(Quality.INVALID if empty else [word or 0 for word in inside])
    values, bad = Decoder(profile, layout, blocks).decode(answers)
    return {str(name): value for name, value in values.items()}, {str(name): why for name, why in bad.items()}


@pytest.mark.parametrize("name", CASES)
def test_words_become_the_makers_meaning(name: str) -> None:
    case = CASES[name]
    values, bad = decoded(case)
    for signal, meaning in case.means.items():
        assert values.get(signal) == pytest.approx(meaning, abs=1e-4), signal
    for signal, why in case.bad.items():
        assert bad.get(signal) == why, signal


def test_no_profile_is_left_out() -> None:
    by_discovery = {"sunspec", "fronius-gen24", "solaredge-storedge"}
    assert {case.profile for case in CASES.values()} | by_discovery == set(profile_names())
