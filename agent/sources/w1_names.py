"""1-Wire thermometers as the Linux kernel names them: what a site file's check needs to know of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

DEVICES: Final = Path("/sys/bus/w1/devices")
FAMILIES: Final[Mapping[str, str]] = {
    "10": "DS18S20",
    "22": "DS1822",
    "28": "DS18B20",
    "3b": "DS1825",
    "42": "DS28EA00",
}
"""The first two digits of a sensor's number, and its kind."""
