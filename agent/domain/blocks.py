"""Readings in a row as columns, so that what follows a recording need not ask everything anew for each of them.

Whoever works on a block must end where reading by reading ends, to the last digit: what is added up keeps its order.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import isfinite

from agent.domain.signals import Reading, SignalName
from agent.domain.sun import Height

Verdict = bool | None
Column = Sequence[float]


class Block:
    """Readings that hold the same signals, in the same order and all of them good, each later than the one before.

    `place` is `(latitude, longitude)`.
    """

    __slots__ = ("_columns", "_place", "_sines", "readings", "times")

    def __init__(self, readings: Sequence[Reading], place: tuple[float, float] | None = None) -> None:
        self.readings = readings
        self.times: Sequence[int] = [reading.at_ms for reading in readings]
        columns = zip(*[reading.values.values() for reading in readings], strict=True)
        self._columns: Mapping[SignalName, Column] = dict(zip(readings[0].values, columns, strict=True))
        self._place = place
        self._sines: Sequence[float] | None = None

    def __len__(self) -> int:
        return len(self.times)

    def column(self, name: SignalName) -> Column | None:
        """The signal's values, None where it is not among the signals."""
        return self._columns.get(name)

    def columns(self) -> Mapping[SignalName, Column]:
        """All of them."""
        return self._columns

    def optional(self, name: SignalName, default: float) -> Column:
        """The signal's values, `default` for each where there are none."""
        column = self._columns.get(name)
        return [default] * len(self.times) if column is None else column

    @property
    def is_finite(self) -> bool:
        return isfinite(sum(map(sum, self._columns.values())))

    def sines(self) -> Sequence[float]:
        """Sine of the sun's elevation at each reading. Raises `ValueError` without a place."""
        if self._sines is None:
            if self._place is None:
                raise ValueError("the place of the block is not known")
            self._sines = Height(*self._place).sines(self.times)
        return self._sines

    def head(self, n: int) -> "Block":
        """The first `n` readings."""
        if n == len(self.times):
            return self
        block = Block.__new__(Block)
        block.readings, block.times = self.readings[:n], self.times[:n]
        block._columns = {name: column[:n] for name, column in self._columns.items()}
        block._place = self._place
        block._sines = None if self._sines is None else self._sines[:n]
        return block


class RowByRow(ABC):
    """What rules share that have no faster way through a block than through its readings.

    Of what else a rule may tell, nothing: what was lost meanwhile, and evidence besides the values themselves.
    """

    @abstractmethod
    def judge(self, reading: Reading) -> Verdict: ...

    def loss_w(self, _values: Mapping[SignalName, float], /) -> float | None:
        return None

    def seen(self) -> Mapping[str, float]:
        return {}

    def judge_all(self, block: Block) -> list[Verdict]:
        """`judge` of each reading, up to the first that fails: what comes behind that one is not looked at."""
        verdicts = []
        for reading in block.readings:
            verdict = self.judge(reading)
            verdicts.append(verdict)
            if verdict:
                break
        return verdicts
