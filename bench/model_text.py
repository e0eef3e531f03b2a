"""The report of `bench.model` as a page."""

from typing import Any, Final

_WORDS: Final = {"home": "Homes with panels and battery", "heating": "Heating sites"}
_HEAD: Final = """\
# The learned model

Written by `python -m bench.model --write docs/model.md`. Sites, weather, households and sizes are simulated; those
that are judged share neither seed nor year with those that were trained on. A site-year without failures holds both
changes of season, three weeks' holiday, shorter absences and guests. A failure begins when the site has been known for
five months or more, and lasts 90 days; *found* means that a finding begins in them and none lasted before.
Temperatures carry an error of 0.1 K from day to day and from frame to frame, powers 1 %, the charge is told in whole
percents.

The failures, with sizes drawn at random: a valve half shut (30 to 50 % of the water lost at once), a pump losing head
(35 to 60 % over 10 to 30 days), one of two strings lost, the shown charge creeping away by 10 to 25 points over 20 to
40 days, a sensor drifting by 5 to 10 K (the inverter's by 8 to 15 K) over 20 to 40 days. None of them was trained on.

The alternatives are given the same frames and the same debounce, and the lowest limit at which they keep to one false
finding a site-year *on the very sites they are judged on*, which nobody can do in the field. The model's limits come
from its training alone.
"""


def report(figures: dict[str, Any]) -> str:
    """The page."""
    parts = [_HEAD]
    for kind, each in figures["kinds"].items():
        parts.append(f"## {_WORDS[kind]}\n")
        parts.append(_table(each["rows"]))
        training = f"{each['training_sites']} sites in {each['training_s']} s"
        parts.append(f"Trained on {training}; the network takes {each['network_bytes']:,} bytes.\n")
    parts.append(_together(figures))
    parts.append(_cost(figures["cost"]))
    return "\n".join(parts)


def _together(figures: dict[str, Any]) -> str:
    """All kinds of sites and failures in one line a method."""
    methods = [row["method"] for row in next(iter(figures["kinds"].values()))["rows"]]
    lines = ["## All together\n", "| method | found | false a site-year |", "|---|---:|---:|"]
    for place, method in enumerate(methods):
        rows = [each["rows"][place] for each in figures["kinds"].values()]
        found, of = (sum(sum(row[name].values()) for row in rows) for name in ("found", "of"))
        years = sum(row["site_years"] for row in rows)
        false = sum(row["false_per_site_year"] * row["site_years"] for row in rows) / years
        lines.append(f"| {method} | {found} of {of}, {100 * found / of:.0f} % | {false:.2f} |")
    return "\n".join(lines) + "\n"


def _table(rows: list[dict[str, Any]]) -> str:
    kinds = list(rows[0]["of"])
    head = ["method", *(kind.replace("_", " ") for kind in kinds), "all", "median delay", "false a site-year"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    for row in rows:
        each = [f"{row['found'][kind]} of {row['of'][kind]}" for kind in kinds]
        delay = "–" if row["median_delay_days"] is None else f"{row['median_delay_days']:.0f} days"
        cells = [row["method"], *each, f"{100 * row['recall']:.0f} %", delay, f"{row['false_per_site_year']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + f"\n\n{rows[0]['site_years']:.0f} healthy site-years.\n"


def _cost(cost: dict[str, Any]) -> str:
    loaded = ", ".join(cost["without_a_model"]) or "nothing"
    lines = [
        "## What it costs\n",
        f"An agent without a model takes {cost['agent_mib']} MiB, and of numpy, runtimes and `agent.learned` it has "
        f"loaded {loaded}.\n",
        "| runtime | adds | inference, median | a frame of 15 minutes with everything | state |",
        "|---|---:|---:|---:|---:|",
    ]
    for runtime, each in cost.items():
        if isinstance(each, dict):
            times = f"{each['inference_us']} µs | {each['frame_us']} µs"
            lines.append(f"| {runtime} | {each['adds_mib']} MiB | {times} | {each['state_bytes']:,} bytes |")
    return "\n".join(lines) + "\n"
