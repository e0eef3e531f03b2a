"""The fleet's wish for a model: `desired.model` → the slot of the site's learned detector.

A wish is `{"artifact": BASE64}`, with `"detector": NAME` where a site has several models. It runs in the shadow of the
present one and takes over by itself if it is no worse; without a wish the site goes on with what it has.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from agent.diagnosis.detector_settings import DetectorSettings
from agent.diagnosis.engine import Diagnosis
from agent.domain.detecting import MODEL
from agent.domain.errors import BadInput, BadSetup


@runtime_checkable
class Offered(Protocol):
    """What a detector with a slot for models offers."""

    def offer(self, data: bytes) -> str:
        """Take an artifact into the shadow; returns its fingerprint. Raises `BadInput`."""
        ...


class ModelWishes:
    """`agent.site_file.ModelSlot` over the `[[detector]]` tables; `diagnosis` is the running one, once there is one."""

    def __init__(self, detectors: Sequence[DetectorSettings]) -> None:
        self._models = {each.name: each for each in detectors if each.use == MODEL}
        self.diagnosis: Callable[[], Diagnosis] | None = None

    def check(self, wish: Mapping[str, Any]) -> None:
        """Raises `BadSetup` for a model that this site cannot use."""
        from agent.domain.learned_artifact import keys_of, opened

        settings, data = self._models[self._name(wish)], _artifact(wish)
        try:
            opened(data, keys_of(settings.options.get("trust")))
        except BadInput as error:
            raise BadSetup("desired.model", str(error), hint=error.hint) from error

    async def use(self, wish: Mapping[str, Any] | None) -> None:
        """Offer it to the running detector. Raises `BadSetup`."""
        if not wish or self.diagnosis is None:
            return
        name = self._name(wish)
        detector: object = self.diagnosis().detectors.detectors().get(name)
        if not isinstance(detector, Offered):
            raise BadSetup("desired.model.detector", f"{name!r} is switched off")
        try:
            detector.offer(_artifact(wish))
        except BadInput as error:
            raise BadSetup("desired.model", str(error), hint=error.hint) from error

    def _name(self, wish: Mapping[str, Any]) -> str:
        name = wish.get("detector", next(iter(self._models), None) if len(self._models) == 1 else None)
        if name not in self._models:
            none = 'a [[detector]] with use = "model" in the site file'
            expected = f"one of {', '.join(self._models)}" if self._models else none
            raise BadSetup("desired.model.detector", f"got {name!r}, expected {expected}")
        return str(name)


def _artifact(wish: Mapping[str, Any]) -> bytes:
    text = wish.get("artifact")
    try:
        if isinstance(text, str) and text:
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSetup("desired.model.artifact", f"is no base64: {error}") from error
    raise BadSetup("desired.model.artifact", f"got {text!r}, expected a signed model in base64")
