"""The site file with the fleet's wishes laid over it: checked as a whole, and what comes of it."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec.structs import replace

from agent.config import AgentSettings, settings_of
from agent.domain.errors import BadSetup
from agent.domain.twin import Document
from agent.parts import Parts
from agent.steering.ownership import check_wishes, overlay
from agent.steering.vault import Vault


class ModelSlot(Protocol):
    """Whatever holds the model that the fleet may wish under the key `model`."""

    def check(self, wish: Mapping[str, Any]) -> None:
        """Whether that model can be used here. Raises `BadSetup`."""
        ...

    async def use(self, wish: Mapping[str, Any] | None) -> None:
        """Go on with that model; None: with the one that came with the agent. Raises `BadSetup`."""
        ...


class NoModels:
    """`ModelSlot` of an agent that has none but its own."""

    def check(self, wish: Mapping[str, Any]) -> None:
        raise BadSetup("desired.model", f"got {str(dict(wish))[:60]}, but this agent takes no model other than its own")

    async def use(self, wish: Mapping[str, Any] | None) -> None:
        if wish:
            self.check(wish)


class SiteFile:
    """`settings` are those of the site file alone."""

    def __init__(self, settings: AgentSettings, models: ModelSlot | None = None) -> None:
        self.alone = settings
        self.models: ModelSlot = NoModels() if models is None else models
        self._made: Parts | None = None

    def check(self, doc: Document) -> None:
        """Whether the site could run with these wishes, without touching anything. Raises `BadSetup`."""
        check_wishes(doc, self.alone.table)
        if doc.get("model"):
            self.models.check(doc["model"])
        self._made = self.parts(self.with_wishes(doc))

    def parts(self, settings: AgentSettings, present: Parts | None = None) -> Parts:
        """The devices of these settings: the `present` ones or those of the last check if they are the same, else new.

        The way out makes no difference to them. Raises `BadSetup`.
        """
        made, self._made = self._made, None
        for each in (present, made):
            if each is not None and replace(settings, uplink=each.settings.uplink) == each.settings:
                return each
        return Parts(settings)

    def with_wishes(self, doc: Document, interval_s: float | None = None) -> AgentSettings:
        """The settings in force under these wishes, or for a while under another interval. Raises `BadSetup`."""
        table = overlay(self.alone.table, doc)
        if interval_s is not None:
            kept = {key: value for key, value in table.get("poll", {}).items() if key != "budget_s"}
            table["poll"] = kept | {"interval_s": interval_s}
        if table == self.alone.table:
            return self.alone
        return replace(settings_of(self.alone.path, table), table=self.alone.table, clock=self.alone.clock)


def in_force(settings: AgentSettings) -> AgentSettings:
    """As the agent runs: with the wishes that it keeps. Those that no longer fit are left out, as it leaves them."""
    kept, site = Vault(settings.state).load(), SiteFile(settings)
    for wish in ([] if kept.trial is None else [kept.trial.wish]) + [kept.good]:
        doc = {key: value for key, value in wish.doc.items() if key != "model"}
        try:
            site.check(doc)
        except BadSetup:
            continue
        return site.with_wishes(doc)
    return settings
