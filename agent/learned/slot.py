"""The place of a model: which one speaks, which one runs in its shadow, and which way to go back.

A new model first runs beside the one that speaks, for `SHADOW_DAYS` judged days. It takes over if it would not have
called more days unusual than the old one did, and then the old one runs in *its* shadow for as long: if the new one
finds things that the old one does not, on more than one day in ten, the old one takes over again. Where no model
speaks yet, a new one speaks at once.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Final

from agent.domain.errors import BadInput, BadSetup
from agent.domain.learned_artifact import Artifact, fingerprint, opened
from agent.domain.learned_watch import DayScore
from agent.domain.signals import Reading
from agent.domain.timeline import Move
from agent.learned.site_model import SiteModel

SHADOW_DAYS: Final = 21
WORSE_SHARE: Final = 0.1
MOST_NOISE: Final = 1.5
ACTIVE: Final = "active"
SHADOW: Final = "shadow"
SEEN: Final = "seen"
MOST_SEEN: Final = 16
Make = Callable[[Artifact, str], SiteModel]


class Trial:
    """Two models on the same days: how often each called them unusual, and how high their scores were."""

    def __init__(self) -> None:
        self.days = 0
        self.new_days = 0
        self.old_days = 0
        self.new_sum = 0.0
        self.old_sum = 0.0

    def take(self, new: DayScore, old: DayScore) -> None:
        self.days += 1
        self.new_days += new.score >= 1.0 > old.score
        self.old_days += old.score >= 1.0 > new.score
        self.new_sum += min(2.0, new.score)
        self.old_sum += min(2.0, old.score)

    @property
    def worse(self) -> bool:
        """Whether the new one speaks on days on which the old one does not, or is always near its limit."""
        days = max(1, self.days)
        noisy = self.new_sum / days > 0.4 and self.new_sum > MOST_NOISE * self.old_sum
        return self.new_days - self.old_days > WORSE_SHARE * days or noisy

    def state(self) -> list[Any]:
        return [self.days, self.new_days, self.old_days, self.new_sum, self.old_sum]

    def restore(self, state: Sequence[Any]) -> None:
        self.days, self.new_days, self.old_days, self.new_sum, self.old_sum = state


class ModelSlot:
    """`folder` keeps the artifacts over restarts; without one nothing is kept. `trusted` are keys that are believed.

    `happened` gathers what was decided, as `(event, detail)`, until somebody takes it.
    """

    def __init__(self, folder: Path | None, trusted: Collection[bytes], make: Make) -> None:
        self._folder = folder
        self._trusted = trusted
        self._make = make
        self.active: SiteModel | None = None
        self.shadow: SiteModel | None = None
        self.trial = Trial()
        self.taken_over = False  # the shadow is the old model, looking on
        self._seen: list[str] = []  # what was ever taken here, so that it is not tried again
        self.happened: list[tuple[str, dict[str, str | int | float | bool | None]]] = []

    def begin(self, shipped: Path) -> None:
        """Speak with the model that was kept here; `shipped`, the one that the site names, is offered if it is new.

        Raises `BadInput`.
        """
        kept = [self._kept(role) for role in (ACTIVE, SHADOW)]
        models = [self._opened(path) if path is not None and path.is_file() else None for path in kept]
        self.active, self.shadow = models
        seen = None if self._folder is None else self._folder / SEEN
        self._seen = seen.read_text(encoding="ascii").split() if seen is not None and seen.is_file() else []
        self.offer(shipped)

    def check(self, data: bytes, where: str = "model") -> Artifact:
        """The artifact in `data`, if it can be used here. Raises `BadInput`."""
        artifact = opened(data, self._trusted, where)
        if self.active is not None and artifact.name != self.active.artifact.name:
            raise BadInput(f"model {artifact.name!r} was offered, here speaks {self.active.artifact.name!r}")
        return artifact

    def offer(self, source: Path | bytes) -> str:
        """Take a new model into the shadow; returns its fingerprint. Raises `BadInput` for one that cannot be used.

        One that was taken here before, whatever came of it, is not tried again.
        """
        data = source if isinstance(source, bytes) else _read(source)
        mark = fingerprint(data)
        artifact = self.check(data, "model" if isinstance(source, bytes) else str(source))
        if self.active is not None and mark in (*self._seen, self.active.mark):
            return mark
        role = ACTIVE if self.active is None else SHADOW
        self._keep(role, mark, data)
        model = self._make(artifact, mark)
        if role == ACTIVE:
            self.active = model
        else:
            self.shadow, self.trial, self.taken_over = model, Trial(), False
        self._tell(f"model_{role}", model)
        return mark

    def update(self, reading: Reading) -> list[str]:
        """Give both the reading; returns the roles whose day has ended with it."""
        ended: list[str] = []
        if self.active is None:
            return ended
        spoke = self.active.update(reading)
        looked = self.shadow.update(reading) if self.shadow is not None else None
        if spoke is not None:
            ended.append(ACTIVE)
        if looked is not None:
            ended.append(SHADOW)
        if spoke is not None and looked is not None:
            self._compare(spoke, looked)
        return ended

    def _compare(self, spoke: DayScore, looked: DayScore) -> None:
        """One day of both, once each has learned enough to judge days."""
        if not any(spoke.targets) or not any(looked.targets):
            return
        new, old = (spoke, looked) if self.taken_over else (looked, spoke)
        self.trial.take(new, old)
        if self.trial.days < SHADOW_DAYS:
            return
        if self.taken_over and self.trial.worse:
            self._exchange("model_went_back")
            self._drop_shadow()
        elif self.taken_over:
            self._tell("model_stays", self.active)
            self._drop_shadow()
        elif self.trial.worse:
            self._tell("model_refused", self.shadow)
            self._drop_shadow()
        else:
            self._exchange("model_took_over")
            self.taken_over = True

    def _exchange(self, event: str) -> None:
        """The two change places."""
        self.active, self.shadow = self.shadow, self.active
        self.trial = Trial()
        active, shadow = (self._kept(role) for role in (ACTIVE, SHADOW))
        if active is not None and shadow is not None:
            aside = active.with_suffix(".part")
            active.replace(aside)
            shadow.replace(active)
            aside.replace(shadow)
        self._tell(event, self.active)

    def _drop_shadow(self) -> None:
        self.shadow, self.trial, self.taken_over = None, Trial(), False
        path = self._kept(SHADOW)
        if path is not None:
            path.unlink(missing_ok=True)

    def _tell(self, event: str, model: SiteModel | None) -> None:
        if model is not None:
            artifact = model.artifact
            facts: dict[str, str | int | float | bool | None] = {"model": artifact.name, "version": artifact.version}
            self.happened.append((event, facts | {"fingerprint": model.mark}))

    def _kept(self, role: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{role}.ewm"

    def _keep(self, role: str, mark: str, data: bytes) -> None:
        """On disk, under its final name only when it is whole."""
        self._seen = [*self._seen, mark][-MOST_SEEN:]
        if self._folder is None:
            return
        path = self._folder / f"{role}.ewm"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for target, content in ((path, data), (self._folder / SEEN, " ".join(self._seen).encode())):
                draft = target.with_suffix(".part")
                draft.write_bytes(content)
                draft.replace(target)
        except OSError as error:
            raise BadSetup(str(path), f"cannot be written: {error.strerror}") from error

    def _opened(self, path: Path) -> SiteModel:
        data = _read(path)
        return self._make(opened(data, self._trusted, str(path)), fingerprint(data))

    def move(self, move: Move) -> None:
        """The clock was set."""
        for model in (self.active, self.shadow):
            if model is not None:
                model.move(move)

    def state(self) -> list[Any]:
        models = [None if model is None else model.state() for model in (self.active, self.shadow)]
        return [*models, self.trial.state(), self.taken_over]

    def restore(self, state: Sequence[Any]) -> None:
        """Each model continues with the state that was its own, by its fingerprint; another one begins anew."""
        known = {each[0]: each for each in state[:2] if each is not None}
        for model in (self.active, self.shadow):
            if model is not None and model.mark in known:
                model.restore(known[model.mark])
        if self.shadow is not None and self.shadow.mark in known:
            self.trial.restore(state[2])
            self.taken_over = state[3]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
