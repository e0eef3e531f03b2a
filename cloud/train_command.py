"""`emberwatt-cloud train`: a small model for the gateways, from recordings of many healthy sites."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Final

from agent.domain.errors import BadSetup
from cloud.clock import SystemClock

PLAN_NAMES: Final = ("home", "heating")
_EPILOG: Final = """\
example:
  emberwatt-cloud train recordings/ --plan heating --out heating.ewm --new-key model.pem
  emberwatt-cloud train lake/ --places sites.csv --plan home --out home.ewm --key model.pem --version 2

A recording is a CSV as for `emberwatt-agent replay`, 120 days at least, six sites at least, without known faults; where
a site stands is said in NAME.toml beside NAME.csv, or in a CSV with site,latitude,longitude,timezone.
Needs the extra train: pip install 'emberwatt[train]'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `train`."""
    parser.epilog = _EPILOG
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a CSV, a folder of them, or a lake")
    parser.add_argument("--plan", choices=PLAN_NAMES, required=True, help="what the model looks at")
    parser.add_argument("--out", type=Path, required=True, metavar="MODEL.ewm", help="the artifact")
    parser.add_argument("--places", type=Path, metavar="SITES.csv", help="site,latitude,longitude,timezone")
    keys = parser.add_mutually_exclusive_group(required=True)
    keys.add_argument("--key", type=Path, metavar="KEY.pem", help="sign with this Ed25519 key")
    keys.add_argument("--new-key", type=Path, metavar="KEY.pem", help="make a key, write it there and sign with it")
    parser.add_argument("--version", type=int, default=1, dest="model_version", help="of the model (default: 1)")
    parser.add_argument(
        "--false-per-year", type=float, default=0.5, metavar="N", help="limits allow so many (default: 0.5)"
    )
    parser.add_argument("--steps", type=int, default=1200, help="of the optimiser (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="the metrics for scripts")


def run(args: argparse.Namespace) -> int:
    """Train, sign, write. Raises `BadSetup` and `BadInput`."""
    # Small matrices: more threads only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from cloud.training.plans import PLANS
        from cloud.training.recordings import sites_from
        from cloud.training.signing import new_key, public_of, read_key, signed
        from cloud.training.train import TrainSettings, trained
    except ImportError as error:
        raise BadSetup("train", str(error), hint="pip install 'emberwatt[train]'") from error
    if not 0.01 <= args.false_per_year <= 50 or args.steps < 10 or args.model_version < 1:
        raise BadSetup("train", "expected --false-per-year 0.01 to 50, --steps 10 or more, --version 1 or more")
    key = read_key(args.key) if args.key else new_key(args.new_key)
    try:
        plan = PLANS[args.plan]()
        sites = sites_from(args.paths, plan.signals, plan.frame_s, args.places)
        settings = TrainSettings(args.model_version, args.steps, args.false_per_year)
        artifact = trained(plan, sites, SystemClock().now_ms(), settings, lambda text: print(text, file=sys.stderr))
        data = signed(artifact, key)
        _write(args.out, data)
    except BaseException:
        if args.new_key:
            args.new_key.unlink(missing_ok=True)  # a key that signed nothing
        raise
    facts = {"file": str(args.out), "bytes": len(data), "trust": public_of(key).hex(), "digest": artifact.digest}
    if args.json:
        print(json.dumps(facts | {"metrics": artifact.metrics}, indent=2))
        return 0
    print(f"{args.out}: {len(data):,} bytes, of which {len(artifact.network):,} are the network")
    print("\n".join(f"  {name} {value:g}" for name, value in artifact.metrics.items()))
    print(f'sites trust it by: trust = ["{facts["trust"]}"]')
    return 0


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise BadSetup(str(path), f"cannot be written: {error.strerror}") from error
