"""What one night leaves for the next: the scale of the features, the clusters' centres and who was in which."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.domain.errors import BadSetup
from cloud.fleet.clusters import FEATURES, Clusters, Scale

VERSION = 1
# Share of the fleet that must be the same for the last night to be a reference.
SAME_FLEET = 0.5


@dataclass(frozen=True, slots=True)
class State:
    """`centres`: name → scaled centre; `members`: installation → name."""

    scale: Scale | None = None
    centres: dict[str, list[float]] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)

    def known_to(self, installations: list[str]) -> "State":
        """This state if it is of the same fleet, else an empty one."""
        same = sum(name in self.members for name in installations)
        return self if same >= SAME_FLEET * max(len(installations), 1) else State()

    def living(self, installations: list[str]) -> NDArray[np.float64] | None:
        """The centres of the clusters in which these installations were; None where there were none."""
        names = {self.members[name] for name in installations if name in self.members}
        centres = [centre for name, centre in self.centres.items() if name in names]
        return np.array(centres) if centres else None


def read(path: Path, features: tuple[str, ...] = FEATURES) -> State:
    """The state of the last night; an empty one where there is none yet, or where clusters rest on other features."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return State()
    except (OSError, ValueError) as error:
        raise BadSetup(str(path), f"is no state file: {error}", hint="delete it to begin anew") from error
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise BadSetup(str(path), f"is no state of version {VERSION}", hint="delete it to begin anew")
    if document["features"] != list(features):
        return State()
    return State(Scale(**document["scale"]), document["centres"], document["members"])


def write(path: Path, clusters: Clusters, installations: list[str], before: State) -> None:
    """Keep tonight's; names that have no member tonight stay reserved with their last centre."""
    centres = before.centres | {
        name: [round(value, 6) for value in centre.tolist()]
        for name, centre in zip(clusters.names, clusters.centres, strict=True)
    }
    members = before.members | {
        name: clusters.names[place]
        for name, place in zip(installations, clusters.of.tolist(), strict=True)
        if place >= 0
    }
    document = {
        "version": VERSION,
        "features": list(clusters.features),
        "scale": asdict(clusters.scale),
        "centres": centres,
        "members": members,
    }
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    aside.replace(path)
