"""Spoilt answers of every profile through decoder and guards: nothing wrong is taken as good.

`bench/frames.py` does the same with a million frames.
"""

from random import Random

import pytest

from agent.sources.profile_file import load_profile, profile_names
from tests.helpers.frames import INTERVAL_MS, MovingDevice, Stream

ABSOLUTE = [name for name in profile_names() if load_profile(name).kind == "modbus"]


@pytest.mark.parametrize("name", ABSOLUTE)
def test_a_device_that_is_well_is_believed(name: str) -> None:
    stream = Stream(load_profile(name), Random(3))
    for _ in range(200):
        stream.device.step()
        stream.at_ms += INTERVAL_MS
        truth, _ = stream.device.decoder.decode(stream.device.answers())
        clean = stream.take(stream.device.answers())
        assert stream.believe(clean, clean) == truth


@pytest.mark.parametrize("name", ABSOLUTE)
def test_no_spoilt_answer_gives_a_wrong_value(name: str) -> None:
    stream = Stream(load_profile(name), Random(5), second=0.0)
    for _ in range(400):
        stream.poll()
    assert (stream.tally.wrong, stream.tally.worst) == (0, "")
    assert stream.tally.frames == 400
    assert stream.tally.withheld < 0.2 * stream.tally.values


@pytest.mark.parametrize("name", ["huawei-sun2000", "eastron-sdm630"])
def test_no_damaged_frame_is_read(name: str) -> None:
    stream = Stream(load_profile(name), Random(11))
    for _ in range(3000):
        stream.wire()
    assert stream.tally.passed_the_checksum == 0


def test_without_the_guards_wrong_values_would_be_taken() -> None:
    """The spoiling is worth its name."""
    device = MovingDevice(load_profile("huawei-sun2000"), Random(1))
    stream = Stream(device.profile, Random(1), second=0.0)
    truth, _ = stream.device.decoder.decode(stream.device.answers())
    spoilt = [stream.device.decoder.decode(stream.spoilt_answers())[0] for _ in range(50)]
    assert sum(values != truth for values in spoilt) > 25
