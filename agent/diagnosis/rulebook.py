"""The rules that a site is judged by: causes stand before what follows from them."""

from collections.abc import Iterator

from agent.diagnosis.channel import Channel
from agent.diagnosis.settings import DiagnosisSettings
from agent.domain.episodes import EpisodeTracker, MinuteTracker, Timing
from agent.domain.faults import FaultCode
from agent.domain.local_time import LocalTime
from agent.domain.rules import BatteryNotCharging, InverterAlarmRule, Rule
from agent.domain.rules_balance import Balance
from agent.domain.rules_clock import ClockError
from agent.domain.rules_comfort import FlatHeatingCurve, RoomTooCold
from agent.domain.rules_cycles import Hunting, ShortCycling
from agent.domain.rules_dark import NoSolarProduction
from agent.domain.rules_heating import BoilerLockout, LowWaterPressure, NoHeat
from agent.domain.rules_power import ExportPastBattery, SocJump
from agent.domain.rules_published import PublishedBattery, PublishedSolar
from agent.domain.rules_sensors import OutdoorImplausible, RoomSensorStuck, SensorsSwapped
from agent.domain.rules_solar import PvUnderperformance
from agent.domain.signals import SignalName

Judged = Iterator[tuple[Rule, Timing]]


def published_rules(local: LocalTime) -> list[PublishedBattery | PublishedSolar]:
    """The two published scenarios."""
    return [PublishedBattery(), PublishedSolar(local)]


def channels_of(settings: DiagnosisSettings, local: LocalTime) -> list[Channel]:
    """One channel for each rule that `settings` ask for."""
    if settings.published:
        return [Channel(rule.code, MinuteTracker(), rule) for rule in published_rules(local)]
    return [
        Channel(rule.code, EpisodeTracker(timing), rule, price=settings.tariff.price(rule.code))
        for rules in (_power(settings, local), _heating(settings, local))
        for rule, timing in rules
    ]


def _power(settings: DiagnosisSettings, local: LocalTime) -> Judged:
    place = settings.site.place
    yield Balance(settings.sign_or_scale_error), settings.balance_timing
    if place is not None:
        yield ClockError(settings.clock_error, place), settings.clock_timing
    yield InverterAlarmRule(), settings.inverter_alarm_timing
    yield NoSolarProduction(settings.no_solar_production, local, place), settings.solar_timing
    yield BatteryNotCharging(settings.battery_not_charging), settings.battery_timing
    yield ExportPastBattery(settings.export_while_battery_could_charge), settings.export_timing
    yield SocJump(settings.battery_imbalance_soc_jump), settings.soc_jump_timing
    if place is not None:
        yield PvUnderperformance(settings.pv_underperformance, place), settings.underperformance_timing


def _heating(settings: DiagnosisSettings, local: LocalTime) -> Judged:
    yield BoilerLockout(), settings.boiler_lockout_timing
    yield SensorsSwapped(settings.sensors_swapped), settings.swap_timing
    yield OutdoorImplausible(settings.outdoor_sensor_implausible), settings.outdoor_timing
    yield NoHeat(settings.no_heat), settings.heat_timing
    yield LowWaterPressure(settings.low_water_pressure), settings.pressure_timing
    yield ShortCycling(settings.short_cycling), settings.cycling_timing
    yield Hunting(settings.hunting), settings.hunting_timing
    yield RoomSensorStuck(settings.room_sensor_stuck), settings.room_stuck_timing
    yield FlatHeatingCurve(settings.flat_heating_curve, local), settings.curve_timing
    yield RoomTooCold(settings.room_too_cold, local), settings.cold_timing


def rules_of(settings: DiagnosisSettings) -> dict[FaultCode, tuple[frozenset[SignalName], ...]]:
    """The rules that `settings` run over readings, and the signals each needs (any one of the sets)."""
    channels = channels_of(settings, LocalTime(settings.site.zone))
    return {channel.code: channel.rule.needs for channel in channels if channel.rule is not None}
