"""Makes the small fleet in the published layout that the stored R result belongs to. Run once; the output is kept."""

import gzip
import math
import random
from datetime import datetime, timedelta
from pathlib import Path

LABELS = ("BASE_VN_T.EXTER_T.REF_CORRIGE", "CIR1_VN_AMB_T.AMB_CORRIGE", "CIR1_AI_EAU_T.DEP_SONDE")
HEADER = "IdInterneInstallation,NumInstallation,Ville,IdInterneMesure,LibelleLongMesure,DateEvenement,Valeur"
START = datetime(2016, 12, 24)  # noqa: DTZ001 - the layout has no zone
STEPS = 7 * 48


def values(site: int, twin: int, step: int, rng: random.Random) -> tuple[float, float, float]:
    hour = step / 2
    outdoor = 4 + 3 * math.sin(2 * math.pi * (hour - 9) / 24) + 2 * math.sin(hour / 37 + twin) + rng.gauss(0, 0.2)
    room = 20 + 0.1 * twin - (2.0 if hour % 24 < 6 and twin % 3 else 0.0) + rng.gauss(0, 0.15)
    swing = 8 * math.sin(hour * 2 * math.pi / 3) if twin == 5 else 0
    flow = room + (1.2 + 0.05 * twin) * (room - outdoor) + swing + rng.gauss(0, 0.8)
    return outdoor, room, flow


def lines() -> list[str]:
    out = [HEADER]
    for site in range(1, 19):
        twin = 4 if site == 11 else site  # 11 repeats 4: a distance of exactly zero
        rng = random.Random(twin)
        for step in range(STEPS):
            triple = values(site, twin, step, rng)
            when = START + timedelta(minutes=30 * step)
            if (site == 14 and step > 9) or step in (100, 101):  # few points; an hour nobody has
                continue
            for number, (label, value) in enumerate(zip(LABELS, triple, strict=True)):
                if number == 1 and site in (7, 13, 16):  # no room at all: constant columns, tied distances
                    continue
                out.append(f"{10000 + site},{9028480001 + site},PAU,{700 + number},{label},{when},{value:.3f}")
                if step % 50 == 0:
                    out.append(out[-1])
    return out


if __name__ == "__main__":
    target = Path(__file__).with_name("fleet.csv.gz")
    target.write_bytes(gzip.compress("\n".join(lines()).encode() + b"\n", mtime=0))
