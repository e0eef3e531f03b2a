"""Spoilt frames through decoder and guards: `python -m bench.frames [--frames 1000000] [--second 0.0]`.

Half of the frames are damaged on the wire (RTU, checksum) and half are well formed and spoilt inside: slipped words,
torn values, constants, another request's answer; in turn over all profiles with addresses of their own.

near: values taken although not the truth. wrong: of these, those further than the limits of the guards from the truth
and from the last value that was taken, a leap that never was; it has to be 0. second: how often the second answer is
spoilt as well.
"""

import argparse
import json
import time
from dataclasses import asdict
from random import Random

from agent.sources.profile_file import load_profile, profile_names
from tests.helpers.frames import Stream


def main() -> None:
    """Print one line of JSON for each profile and one for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--second", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    profiles = [profile for profile in map(load_profile, profile_names()) if profile.kind == "modbus"]
    each = arguments.frames // len(profiles) // 2
    totals: dict[str, int] = {}
    started = time.perf_counter()
    for profile in profiles:
        stream = Stream(profile, Random(arguments.seed), second=arguments.second)
        for _ in range(each):
            stream.poll()
            stream.wire()
        told = asdict(stream.tally)
        print(json.dumps({"profile": profile.name, **told}))
        for key, value in told.items():
            if isinstance(value, int):
                totals[key] = totals.get(key, 0) + value
    print(json.dumps({"profile": "all", **totals, "seconds": round(time.perf_counter() - started, 1)}))


if __name__ == "__main__":
    main()
