"""The proof's report as the running agent tells it; what the wizard needs besides is not loaded for that."""

from pathlib import Path
from typing import Any, Final

import msgspec

PROOF: Final = "proof.json"


def proof_section(state: Path) -> dict[str, Any]:
    """`{"proof": …}` for the twin: what was proven, wrong, open. Empty without one."""
    try:
        report = msgspec.json.decode((state / PROOF).read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    if not isinstance(report, dict):
        return {}
    told = {key: report[key] for key in ("at_ms", "right", "proven", "open", "applied") if key in report}
    wrong = [{key: each[key] for key in ("mistake", "signals", "says")} for each in report.get("findings", [])]
    return {"proof": {**told, "findings": wrong}}
