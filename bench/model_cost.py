"""What a model costs a device: time of an inference, and memory beside an agent that has none. A process each."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.domain.learned_artifact import Artifact, packed

RUNTIMES: Final = ("none", "numpy", "ai-edge-litert", "tflite-runtime")
ROUNDS: Final = 5
_CHILD: Final = "import sys; from bench.model_cost import child; child(*sys.argv[1:])"


def resident_mib() -> float:
    """Resident memory of this process."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def child(runtime: str, path: str) -> None:
    """An agent's imports, then a model if there is to be one; prints what it took."""
    from agent import app, replay  # noqa: F401 what every agent has loaded
    from agent.diagnosis.engine import Diagnosis
    from agent.diagnosis.settings import settings_from

    Diagnosis(settings_from({}))
    heavy = [name for name in ("numpy", "ai_edge_litert", "tflite_runtime", "agent.learned") if name in sys.modules]
    told: dict[str, Any] = {"before_mib": resident_mib(), "loaded_without_a_model": heavy}
    if runtime != "none":
        told |= _with_model(runtime, path)
    told["after_mib"] = resident_mib()
    print(json.dumps(told))


def _with_model(runtime: str, path: str) -> dict[str, Any]:
    from zoneinfo import ZoneInfo

    from agent.domain.signals import Reading, SignalName
    from agent.learned.runtime import load
    from agent.learned.site_model import SiteModel

    artifact = msgspec.msgpack.decode(Path(path).read_bytes(), type=Artifact)
    network = load(artifact.network, runtime)
    model = SiteModel(artifact, "", (48.0, 11.0), ZoneInfo("Europe/Berlin"), runtime)
    frame_ms = artifact.plan.frame_s * 1000
    began = time.process_time()
    for number in range(10 * 96):
        values = {SignalName(name): 20.0 + number % 7 for name in artifact.plan.signals}
        model.update(Reading(number * frame_ms, values))
    frame_us = (time.process_time() - began) / 960 * 1e6
    times = []
    for number in range(2000):
        values_in = [((number * 7 + place) % 100) / 50 - 1 for place in range(network.inputs)]
        start = time.perf_counter()
        network.run(values_in)
        times.append((time.perf_counter() - start) * 1e6)
    state = len(msgspec.msgpack.encode(model.state()))
    return {"inference_us": statistics.median(times), "frame_us": frame_us, "state_bytes": state}


def measure(artifact: Artifact) -> dict[str, Any]:
    """Medians over some processes, for each runtime that is installed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "artifact")
        path.write_bytes(packed(artifact))
        runs = {runtime: [_run(runtime, path) for _ in range(ROUNDS)] for runtime in RUNTIMES}
    plain = statistics.median(run["after_mib"] for run in runs["none"] if run)
    found: dict[str, Any] = {"agent_mib": round(plain, 1), "without_a_model": runs["none"][0]["loaded_without_a_model"]}
    for runtime in RUNTIMES[1:]:
        good = [run for run in runs[runtime] if run]
        if good:
            found[runtime] = {
                "adds_mib": round(statistics.median(run["after_mib"] for run in good) - plain, 1),
                "inference_us": round(statistics.median(run["inference_us"] for run in good), 1),
                "frame_us": round(statistics.median(run["frame_us"] for run in good)),
                "state_bytes": good[0]["state_bytes"],
            }
    return found


def _run(runtime: str, path: Path) -> dict[str, Any]:
    """What a child told; empty where the runtime is not installed."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, runtime, str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        if runtime in ("none", "numpy"):
            raise SystemExit(f"bench: {done.stderr}")
        return {}
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
