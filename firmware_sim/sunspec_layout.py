"""Layouts of the SunSpec models that a simulated home serves, and their encoding into words.

Facts re-expressed from the SunSpec Information Model Specification and the SunSpec Alliance's model definitions
(github.com/sunspec/models, Apache-2.0). A layout is the points behind the model's id and length, in order, written
`name:type` or `name:type:scale-factor`. Types: i and u16 signed and unsigned, e16 an enumeration, b16 and b32 bit
fields, a32 an accumulator, sf a scale factor, sN a text of N words, pad.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from firmware_sim.registers import HOLDING, Spot, SpotKind, words16, words32, words_text

Value = float | str


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a model: its name, its type and the name of its scale factor, if it has one."""

    name: str
    type: str
    scale: str = ""

    @property
    def length(self) -> int:
        """Words it takes."""
        if self.type.startswith("s") and self.type != "sf":
            return int(self.type[1:])
        return 2 if self.type in {"u32", "b32", "a32"} else 1


# The word or words that say "not implemented", per type.
_ABSENT: Final[Mapping[str, tuple[int, ...]]] = {
    "i16": (0x8000,),
    "u16": (0xFFFF,),
    "u32": (0xFFFF, 0xFFFF),
    "e16": (0xFFFF,),
    "b16": (0xFFFF,),
    "b32": (0xFFFF, 0xFFFF),
    "a32": (0, 0),
    "sf": (0x8000,),
    "pad": (0x8000,),
}


# Lowest and highest number of the signed types; what lies beyond says "not implemented". The others start at 0.
_LIMITS: Final[Mapping[str, tuple[int, int]]] = {"i16": (-0x7FFF, 0x7FFF), "sf": (-10, 10)}


def layout(text: str) -> tuple[Point, ...]:
    """Reads a layout.

    >>> layout("W:i16:W_SF W_SF:sf")[0]
    Point(name='W', type='i16', scale='W_SF')
    """
    return tuple(Point(*item.split(":")) for item in text.split())


def words_in(points: tuple[Point, ...]) -> int:
    """Length in words."""
    return sum(point.length for point in points)


def spots_of(points: tuple[Point, ...]) -> tuple[Spot, ...]:
    """Where each point stands, counted from the first."""
    spots, place = [], 0
    for point in points:
        nothing = _ABSENT.get(point.type, (0,) * point.length)
        spots.append(Spot(HOLDING, tuple(range(place, place + point.length)), point.name, _kind(point), nothing))
        place += point.length
    return tuple(spots)


def _kind(point: Point) -> SpotKind:
    if point.type not in _ABSENT:
        return SpotKind.TEXT
    if point.type == "sf":
        return SpotKind.SCALE
    if point.type in {"e16", "b16", "b32", "pad"}:
        return SpotKind.CODE
    if point.type == "a32":
        return SpotKind.COUNTER
    return SpotKind.CHARGE if point.name == "ChaState" else SpotKind.GAUGE


def _per_phase(name: str, type_: str, scale: str, phases: str = "Ph") -> str:
    return " ".join(f"{name}{suffix}:{type_}:{scale}" for suffix in ("", f"{phases}A", f"{phases}B", f"{phases}C"))


COMMON: Final = layout("Mn:s16 Md:s16 Opt:s8 Vr:s8 SN:s16 DA:u16 Pad:pad")

INVERTER_THREE_PHASE: Final = layout(
    "A:u16:A_SF AphA:u16:A_SF AphB:u16:A_SF AphC:u16:A_SF A_SF:sf PPVphAB:u16:V_SF PPVphBC:u16:V_SF PPVphCA:u16:V_SF"
    " PhVphA:u16:V_SF PhVphB:u16:V_SF PhVphC:u16:V_SF V_SF:sf W:i16:W_SF W_SF:sf Hz:u16:Hz_SF Hz_SF:sf VA:i16:VA_SF"
    " VA_SF:sf VAr:i16:VAr_SF VAr_SF:sf PF:i16:PF_SF PF_SF:sf WH:a32:WH_SF WH_SF:sf DCA:u16:DCA_SF DCA_SF:sf"
    " DCV:u16:DCV_SF DCV_SF:sf DCW:i16:DCW_SF DCW_SF:sf TmpCab:i16:Tmp_SF TmpSnk:i16:Tmp_SF TmpTrns:i16:Tmp_SF"
    " TmpOt:i16:Tmp_SF Tmp_SF:sf St:e16 StVnd:e16 Evt1:b32 Evt2:b32 EvtVnd1:b32 EvtVnd2:b32 EvtVnd3:b32 EvtVnd4:b32"
)

NAMEPLATE: Final = layout(
    "DERTyp:e16 WRtg:u16:WRtg_SF WRtg_SF:sf VARtg:u16:VARtg_SF VARtg_SF:sf VArRtgQ1:i16:VArRtg_SF"
    " VArRtgQ2:i16:VArRtg_SF VArRtgQ3:i16:VArRtg_SF VArRtgQ4:i16:VArRtg_SF VArRtg_SF:sf ARtg:u16:ARtg_SF ARtg_SF:sf"
    " PFRtgQ1:i16:PFRtg_SF PFRtgQ2:i16:PFRtg_SF PFRtgQ3:i16:PFRtg_SF PFRtgQ4:i16:PFRtg_SF PFRtg_SF:sf"
    " WHRtg:u16:WHRtg_SF WHRtg_SF:sf AhrRtg:u16:AhrRtg_SF AhrRtg_SF:sf MaxChaRte:u16:MaxChaRte_SF MaxChaRte_SF:sf"
    " MaxDisChaRte:u16:MaxDisChaRte_SF MaxDisChaRte_SF:sf Pad:pad"
)

STORAGE: Final = layout(
    "WChaMax:u16:WChaMax_SF WChaGra:u16:WChaDisChaGra_SF WDisChaGra:u16:WChaDisChaGra_SF StorCtl_Mod:b16"
    " VAChaMax:u16:VAChaMax_SF MinRsvPct:u16:MinRsvPct_SF ChaState:u16:ChaState_SF StorAval:u16:StorAval_SF"
    " InBatV:u16:InBatV_SF ChaSt:e16 OutWRte:i16:InOutWRte_SF InWRte:i16:InOutWRte_SF InOutWRte_WinTms:u16"
    " InOutWRte_RvrtTms:u16 InOutWRte_RmpTms:u16 ChaGriSet:e16 WChaMax_SF:sf WChaDisChaGra_SF:sf VAChaMax_SF:sf"
    " MinRsvPct_SF:sf ChaState_SF:sf StorAval_SF:sf InBatV_SF:sf InOutWRte_SF:sf"
)

MPPT_HEAD: Final = layout("DCA_SF:sf DCV_SF:sf DCW_SF:sf DCWH_SF:sf Evt:b32 N:u16 TmsPer:u16")
MPPT_MODULE: Final = layout(
    "ID:u16 IDStr:s8 DCA:u16:DCA_SF DCV:u16:DCV_SF DCW:u16:DCW_SF DCWH:a32:DCWH_SF Tms:u32 Tmp:i16 DCSt:e16 DCEvt:b32"
)

METER_THREE_PHASE: Final = layout(
    " ".join(
        (
            "A:i16:A_SF AphA:i16:A_SF AphB:i16:A_SF AphC:i16:A_SF A_SF:sf",
            _per_phase("PhV", "i16", "V_SF", "ph"),
            "PPV:i16:V_SF PhVphAB:i16:V_SF PhVphBC:i16:V_SF PhVphCA:i16:V_SF V_SF:sf Hz:i16:Hz_SF Hz_SF:sf",
            _per_phase("W", "i16", "W_SF", "ph") + " W_SF:sf",
            _per_phase("VA", "i16", "VA_SF", "ph") + " VA_SF:sf",
            _per_phase("VAR", "i16", "VAR_SF", "ph") + " VAR_SF:sf",
            _per_phase("PF", "i16", "PF_SF", "ph") + " PF_SF:sf",
            _per_phase("TotWhExp", "a32", "TotWh_SF"),
            _per_phase("TotWhImp", "a32", "TotWh_SF") + " TotWh_SF:sf",
            _per_phase("TotVAhExp", "a32", "TotVAh_SF"),
            _per_phase("TotVAhImp", "a32", "TotVAh_SF") + " TotVAh_SF:sf",
            _per_phase("TotVArhImpQ1", "a32", "TotVArh_SF"),
            _per_phase("TotVArhImpQ2", "a32", "TotVArh_SF"),
            _per_phase("TotVArhExpQ3", "a32", "TotVArh_SF"),
            _per_phase("TotVArhExpQ4", "a32", "TotVArh_SF") + " TotVArh_SF:sf",
            "Evt:b32",
        )
    )
)


def encoded(
    points: tuple[Point, ...], values: Mapping[str, Value], scales: Mapping[str, int] | None = None
) -> list[int]:
    """The words of `points`. What has no value carries its type's "not implemented" pattern.

    Scale factors are taken from `values`; `scales` holds those that stand in another block of the model.
    """
    words: list[int] = []
    for point in points:
        value = values.get(point.name)
        if value is None:
            words += words_text("", point.length) if point.type not in _ABSENT else _ABSENT[point.type]
        elif isinstance(value, str):
            words += words_text(value, point.length)
        else:
            words += _number(point, value, _exponent(point, values, scales or {}))
    return words


def _exponent(point: Point, values: Mapping[str, Value], scales: Mapping[str, int]) -> int:
    if not point.scale:
        return 0
    scale = values.get(point.scale, scales.get(point.scale))
    if scale is None or isinstance(scale, str):
        raise ValueError(f"{point.name} has a value but its scale factor {point.scale} has none")
    return int(scale)


def _number(point: Point, value: float, exponent: int) -> list[int]:
    raw = round(value / 10.0**exponent)
    if point.type == "a32":
        # An accumulator rolls over; 0 would say that nothing is accumulated.
        return words32((raw - 1) % 0xFFFF_FFFF + 1)
    low, high = _LIMITS.get(point.type, (0, 0xFFFF_FFFE if point.length == 2 else 0xFFFE))
    if not low <= raw <= high:
        raise OverflowError(f"{point.name}: {raw} does not fit {point.type}, which takes {low} to {high}")
    return words32(raw) if point.length == 2 else words16(raw)


def fitting_scale(highest: float, limit: int, finest: int = -1) -> int:
    """The finest scale factor from `finest` on with which `highest` fits `limit`, as a device that switches its range.

    >>> fitting_scale(3000.0, 32767), fitting_scale(4000.0, 32767)
    (-1, 0)
    """
    scale = finest
    while abs(highest) / 10.0**scale > limit:
        scale += 1
    return scale
