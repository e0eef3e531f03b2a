import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.domain.signals import FLOW_TEMPERATURE, ROOM_TEMPERATURE, InverterAlarm
from firmware_sim.failures import HEALTHY, SIZES, BatteryMode, Effects, Fault, FaultCode, Silence, effects_at

TIMES = st.integers(0, 1000)


@given(st.sampled_from(FaultCode), TIMES, TIMES, TIMES)
def test_a_fault_shows_inside_its_window_only(code: FaultCode, start: int, end: int, at_ms: int) -> None:
    assume(code is not FaultCode.HUNTING or at_ms > 0)  # there its valve is on its way through the middle
    fault = Fault(code, start, end, sensor=ROOM_TEMPERATURE, size=SIZES.get(code, (0.0,))[0])
    assert (effects_at([fault], at_ms) != HEALTHY) == (start <= at_ms < end)


@pytest.mark.parametrize(
    ("fault", "effects"),
    [
        (Fault(FaultCode.BATTERY_NOT_CHARGING, 0, 9), Effects(battery=BatteryMode.IDLE)),
        (Fault(FaultCode.NO_SOLAR_PRODUCTION, 0, 9), Effects(solar_dead=True)),
        (Fault(FaultCode.INVERTER_ALARM, 0, 9, alarm=InverterAlarm.DC), Effects(alarm=InverterAlarm.DC)),
        (Fault(FaultCode.BOILER_LOCKOUT, 0, 9), Effects(lockout=True)),
        (Fault(FaultCode.NO_HEAT, 0, 9), Effects(no_heat=True)),
        (Fault(FaultCode.DEVICE_UNREACHABLE, 0, 9, silence=Silence.SILENT), Effects(silence=Silence.SILENT)),
    ],
)
def test_each_code_has_its_own_effect(fault: Fault, effects: Effects) -> None:
    assert effects_at([fault], 5) == effects


def test_faults_that_overlap_act_together() -> None:
    faults = [
        Fault(FaultCode.SENSOR_BROKEN, 0, 10, sensor=ROOM_TEMPERATURE),
        Fault(FaultCode.SENSOR_BROKEN, 5, 15, sensor=FLOW_TEMPERATURE),
        Fault(FaultCode.NO_HEAT, 7, 20),
    ]
    assert effects_at(faults, 8) == Effects(
        no_heat=True, broken_sensors=frozenset({ROOM_TEMPERATURE, FLOW_TEMPERATURE})
    )
    assert effects_at(faults, 12) == Effects(no_heat=True, broken_sensors=frozenset({FLOW_TEMPERATURE}))
    assert effects_at(faults, 20) == HEALTHY
