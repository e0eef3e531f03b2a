"""The least that a `[[source]]` table needs, for each carrier."""

from typing import Any

PORT = "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0"
RIGHT: dict[str, dict[str, Any]] = {
    "tcp": {"profile": "sunspec", "host": "inverter.lan"},
    "rtu": {"profile": "sunspec", "port": PORT},
    "rtu-over-tcp": {"profile": "sunspec", "host": "192.168.1.7", "port": 4196},
    "vedirect": {"port": PORT},
    "p1": {"port": PORT},
    "mbus": {"port": PORT, "role": "heat", "address": 5},
    "onewire": {"sensors": {"28-00000a1b2c3d": "flow_temperature"}},
}
