"""What comes out of a run of many sites: means over frames, by signal, one column a site."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.domain.signals import SignalName
from firmware_sim.noise import Array

Frames = npt.NDArray[np.float32]
STEP_S = 60.0


@dataclass(frozen=True, slots=True)
class Years:
    """Frame `i` begins at `start_s` + `i` × `frame_s`; `signals` holds arrays of shape (frames, sites)."""

    start_s: float
    frame_s: float
    signals: Mapping[SignalName, Frames]


class Gathering:
    """Sums up steps of a minute into frames. `names` is the order of the rows that `add` is given."""

    def __init__(self, names: Sequence[SignalName], start_s: float, steps: int, sites: int, frame_steps: int) -> None:
        self._names = tuple(names)
        self._start_s = start_s
        self._steps = frame_steps
        self._sum = np.zeros((len(self._names), sites))
        self._rows = np.zeros((len(self._names), steps // frame_steps, sites), dtype=np.float32)
        self._step = 0

    def add(self, values: Sequence[Array]) -> None:
        """One step's values, in the order of the names."""
        total = self._sum
        for place, value in enumerate(values):
            total[place] += value
        self._step += 1
        if self._step % self._steps == 0:
            frame = self._step // self._steps - 1
            if frame < self._rows.shape[1]:
                self._rows[:, frame] = total / self._steps
            total[:] = 0.0

    def years(self) -> Years:
        signals = dict(zip(self._names, self._rows, strict=True))
        return Years(self._start_s, self._steps * STEP_S, signals)
