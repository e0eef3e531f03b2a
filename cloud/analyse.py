"""`emberwatt-cloud analyse`: which installations need a visit, why, and what it costs."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from agent.domain.errors import BadSetup
from agent.domain.signals import SignalName
from cloud.analyse_engine import Engine, Period
from cloud.examples import add_examples
from cloud.fleet import (
    cluster_file,
    costs,
    cube,
    findings,
    heating,
    home_file,
    pages,
    power,
    published,
    published_files,
    report,
    samples,
    state,
)
from cloud.fleet.daily import HEATING
from cloud.fleet.power_daily import POWER
from cloud.importer import add_reading, reading
from cloud.lake.spark import SparkEngine

_EXAMPLES = """\
  emberwatt-cloud analyse heating samples/ --out findings/
  emberwatt-cloud analyse power lake/ --days 21 --out findings/
"""


def moment(text: str) -> int:
    """A date or a date and time, UTC where it names no zone, as ms since 1970. Raises `argparse.ArgumentTypeError`.

    >>> moment("2016-12-15") == moment("2016-12-15T01:00+01:00")
    True
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a date like 2016-12-15") from error
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emberwatt-cloud analyse`."""
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="heating|power")
    heat = subjects.add_parser("heating", help="outdoor, room and flow temperatures of heating installations")
    heat.add_argument("--method", choices=["emberwatt", "engie-pacf"], default="emberwatt")
    homes = subjects.add_parser("power", help="PV, load and battery of solar + battery homes")
    homes.set_defaults(method="emberwatt")
    add_examples(parser, subjects.choices, _EXAMPLES)
    for each in (heat, homes):
        each.add_argument(
            "source", type=Path, metavar="SOURCE", help="a CSV, the folder that import fills, or the lake"
        )
        each.add_argument("--from", dest="start", type=moment, metavar="DATE", help="first day (UTC)")
        each.add_argument("--to", dest="end", type=moment, metavar="DATE", help="first day after it (UTC)")
        each.add_argument("--days", type=days, metavar="N", help="only the last N days of the source")
        each.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
        each.add_argument(
            "--state", type=Path, metavar="FILE", help="what the last night left (default DIR/state.json)"
        )
        each.add_argument("--false-alarm-rate", type=share, default=0.01, metavar="SHARE", help="default 0.01")
        each.add_argument(
            "--costs", type=Path, metavar="TOML", help="your prices and losses instead of the assumed ones"
        )
        each.add_argument("--engine", choices=["local", "spark"], default="local", help="default local")
        each.add_argument("--master", metavar="URL", help="of Spark, as spark://host:7077; default what it is set to")
        add_reading(each)


def days(text: str) -> int:
    """A whole number of days from 1 on."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of days, such as 21")
    return int(text)


def share(text: str) -> float:
    """A number between 0 and 1, both excluded."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a share between 0 and 1, such as 0.01")
    return value


def run(args: argparse.Namespace) -> int:
    """Analyse and write; 0 when it worked, whatever it found."""
    if args.start is not None and args.end is not None and args.start >= args.end:
        raise BadSetup("--from, --to", "the period is empty; expected --from before --to")
    if args.engine == "spark" and (args.method != "emberwatt" or not _is_parquet(args.source)):
        raise BadSetup(
            "--engine spark", f"{args.source}: expected Parquet files, such as `import` makes, and no --method"
        )
    samples.made(args.out)
    if args.subject == "power":
        return _power(args)
    return _published(args) if args.method == "engie-pacf" else _heating(args)


def _published(args: argparse.Namespace) -> int:
    source = samples.open_source(args.source, reading(args))
    result = published.analyse(samples.within(source.samples, args.start, args.end))
    for path in published_files.write(result, args.out):
        print(path)
    _put_bad_aside(source, args.out)
    print(f"{len(result.labels)} installations, {len(result.anomalies)} above height {published.THRESHOLD:g}")
    return 0


def _heating(args: argparse.Namespace) -> int:
    settings = heating.Settings(args.false_alarm_rate, costs.read(args.costs))
    before = state.read(_kept(args))
    if args.engine == "spark":
        with SparkEngine(args.master) as spark:
            engine = _engine(args, HEATING, spark)
            block, cities = engine.block(_period(args)), samples.cities(args.source)
            judged = heating.judge(block, _in_order(cities, block), settings, before, engine.daily)
    else:
        block, cities = _cube(args, HEATING)
        judged = heating.judge(block, _in_order(cities, block), settings, before)
    _write(args, judged, pages.of_heating(judged, settings), before)
    return 0


def _power(args: argparse.Namespace) -> int:
    settings = heating.Settings(args.false_alarm_rate, costs.read(args.costs))
    if args.engine == "spark":
        with SparkEngine(args.master) as spark:
            block, cities = _engine(args, POWER, spark).block(_period(args)), samples.cities(args.source)
    else:
        block, cities = _cube(args, POWER)
    before = state.read(_kept(args), power.FEATURES)
    judged = power.judge(block, _in_order(cities, block), settings, before)
    _write(args, judged, pages.of_power(judged, settings), before)
    return 0


def _engine(args: argparse.Namespace, signals: tuple[SignalName, ...], spark: SparkEngine) -> Engine:
    return Engine(args.source, signals, spark.run)


def _period(args: argparse.Namespace) -> Period:
    return Period(args.start, args.end, args.days)


def _kept(args: argparse.Namespace) -> Path:
    return Path(args.state or args.out / "state.json")


def _is_parquet(source: Path) -> bool:
    return source.is_dir() or source.suffix == ".parquet"


def _in_order(cities: dict[str, str], block: cube.Cube) -> list[str]:
    return [cities.get(name, "") for name in block.installations]


def _write(
    args: argparse.Namespace, judged: heating.Judged | power.Judged, page: report.Page, before: state.State
) -> None:
    names = judged.cube.installations
    findings.write(judged.findings, args.out / "findings.csv")
    cluster_file.write(judged.clusters, names, judged.moved, args.out / "clusters.csv")
    report.write(page, args.out / "report.html")
    state.write(_kept(args), judged.clusters, names, before)
    _tell(judged.findings, args.out, page.currency)


def _cube(args: argparse.Namespace, signals: tuple[SignalName, ...]) -> tuple[cube.Cube, dict[str, str]]:
    """The fleet's values and the cities, from whatever form the source has."""
    if _is_parquet(args.source):
        found = cube.from_parquet(args.source, signals, args.start, args.end, args.days)
        return found, samples.cities(args.source)
    how = reading(args)
    wide = home_file.is_wide(args.source)
    source = home_file.read(args.source, how) if wide else samples.open_source(args.source, how)
    _put_bad_aside(source, args.out)
    return cube.from_frame(samples.within(source.samples, args.start, args.end), signals, args.days), source.cities


def _tell(found: list[findings.Finding], folder: Path, currency: str) -> None:
    behaviour = [each for each in found if each.kind == findings.BEHAVIOUR]
    cost = sum(each.cost_per_day for each in behaviour)
    print(f"{len(behaviour)} installations need a visit ({cost:.0f} {currency} a day)")
    print(f"{len(found) - len(behaviour)} findings on data")
    print(f"{folder / 'findings.csv'}, {folder / 'clusters.csv'}, {folder / 'report.html'}")


def _put_bad_aside(source: samples.Source, folder: Path) -> None:
    if len(source.bad):
        path = folder / "bad_rows.csv"
        source.bad.write_csv(path)
        print(f"{len(source.bad):,} bad rows, with line numbers, in {path}")
