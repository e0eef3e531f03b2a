"""A real Mosquitto with the configuration that is shipped, over the folder of an authority."""

import signal
from pathlib import Path

from cloud.identity.mosquitto import listener
from tests.helpers.broker import MosquittoBroker


class SecureBroker(MosquittoBroker):
    """`with SecureBroker(folder, authority) as broker:`; `authority` is what `identity init` made."""

    def __init__(self, folder: Path, authority: Path) -> None:
        super().__init__(folder)
        self._authority = authority

    @property
    def pid_file(self) -> Path:
        """For `identity.reload_pid`."""
        return self._folder / "mosquitto.pid"

    def reload(self) -> None:
        """SIGHUP."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def said(self) -> str:
        return (self._folder / "mosquitto.log").read_text(errors="replace")

    def _config(self) -> str:
        shipped = listener(self._authority, self.port)
        here = shipped.replace(f"listener {self.port}", f"listener {self.port} 127.0.0.1")
        return f"user root\npersistence false\npid_file {self.pid_file}\n{here}"
