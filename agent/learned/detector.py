"""`unusual_behaviour`: the detector that a site file enables with `use = "model"`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from agent.domain.detecting import DetectorSite, Finding, model_record
from agent.domain.errors import BadInput, BadSetup
from agent.domain.learned_artifact import Artifact, keys_of
from agent.domain.signals import Reading
from agent.domain.timeline import Move
from agent.domain.wire import Body, Event
from agent.learned.site_model import SiteModel
from agent.learned.slot import ACTIVE, SHADOW, ModelSlot

_OPTIONS: Final = {"file", "trust", "runtime", "state"}
_MOST_SIGNALS: Final = 4


class UnusualBehaviour:
    """A learned model and what runs in its shadow.

    Options: `file`, the artifact; `trust`, public keys in hex; `runtime`, one of the runtimes' names if not the first
    that is there; `state`, the folder in which offered models are kept. Raises `BadSetup`.
    """

    def __init__(self, site: DetectorSite) -> None:
        options = site.options
        unknown = sorted(options.keys() - _OPTIONS)
        if unknown or not isinstance(options.get("file"), str):
            given = f"unknown option {unknown[0]!r}" if unknown else "file is missing"
            raise BadSetup(f"detector {site.name}", f"{given}, expected file, trust, runtime, state")
        self._site = site
        self._runtime = str(options.get("runtime", ""))
        kept = options.get("state")
        folder = None if kept is None else Path(site.folder, str(kept))
        try:
            self.slot = ModelSlot(folder, keys_of(options.get("trust")), self._make)
            self.slot.begin(Path(site.folder, options["file"]))
        except BadInput as error:
            raise BadSetup(f"detector {site.name}", str(error), hint=error.hint) from error
        self._records: list[tuple[int, Body]] = []

    def _make(self, artifact: Artifact, mark: str) -> SiteModel:
        return SiteModel(artifact, mark, self._site.place, self._site.zone, self._runtime)

    def offer(self, data: bytes) -> str:
        """Take an artifact into the shadow; returns its fingerprint. Raises `BadInput`."""
        return self.slot.offer(data)

    def update(self, reading: Reading) -> Sequence[Finding]:
        ended = self.slot.update(reading)
        for role in ended:
            model = self.slot.active if role == ACTIVE else self.slot.shadow
            if model is not None:
                self._records.append((reading.at_ms, model_record(model.day(reading.at_ms, role))))
        for event, detail in self.slot.happened:
            self._records.append((reading.at_ms, Event(reading.at_ms, event, detail)))
        self.slot.happened.clear()
        active = self.slot.active
        if active is None or not active.watch.active:
            return ()
        return (Finding(active.artifact.name, self._evidence(active)),)

    def _evidence(self, model: SiteModel) -> dict[str, float]:
        blamed = list(model.blamed().items())[:_MOST_SIGNALS]
        return {"score": round(max(model.watch.scores), 2)} | {f"by_{name}": score for name, score in blamed}

    def records(self) -> Sequence[tuple[int, Body]]:
        told, self._records = self._records, []
        return told

    def report(self) -> dict[str, Any]:
        """The models of this site, as the twin tells them."""
        told: dict[str, Any] = {}
        for role, model in ((ACTIVE, self.slot.active), (SHADOW, self.slot.shadow)):
            if model is not None:
                told[role] = {
                    "name": model.artifact.name, "version": model.artifact.version, "fingerprint": model.mark,
                    "days": model.learned_days, "score": round(max(model.watch.scores), 2),
                }  # fmt: skip
                if model.runtime:
                    told[role]["runtime"] = model.runtime
        if self.slot.shadow is not None:
            told["trial_days"] = self.slot.trial.days
        return told

    def score(self) -> float | None:
        active = self.slot.active
        return None if active is None or active.told is None else max(active.watch.scores)

    def move(self, move: Move) -> None:
        self.slot.move(move)

    def state(self) -> Any:
        return self.slot.state()

    def restore(self, state: Any) -> None:
        self.slot.restore(state)
