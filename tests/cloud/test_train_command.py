"""`emberwatt-cloud train`, from recordings to a signed model that a gateway takes."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agent.domain.errors import EmberwattError
from agent.domain.learned_artifact import opened
from cloud.__main__ import main
from cloud.training.plans import heat_plan
from cloud.training.recordings import sites_from
from tests.helpers.learned_sites import heating

SIGNALS = heat_plan().signals
DAYS = 125


def write_csv(folder: Path, number: int) -> Path:
    site = heating(number, DAYS)
    path = folder / f"{site.name}.csv"
    names = list(site.signals)
    rows = zip(site.times_ms.tolist(), *(site.signals[name].tolist() for name in names), strict=True)
    lines = [f"{datetime.fromtimestamp(row[0] / 1000, UTC).isoformat()},{','.join(map(str, row[1:]))}" for row in rows]
    path.write_text("\n".join([f"time,{','.join(names)}", *lines]) + "\n")
    path.with_suffix(".toml").write_text('[site]\nlatitude = 48.0\nlongitude = 11.0\ntimezone = "UTC"\n')
    return path


@pytest.fixture(name="recordings", scope="module")
def _recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(6):
        write_csv(folder, number)
    return folder


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["train", *words])
    return int(ended.value.code or 0)


def test_recordings_become_a_signed_model(recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, key = tmp_path / "heating.ewm", tmp_path / "key.pem"
    words = [str(recordings), "--plan", "heating", "--out", str(out), "--steps", "20", "--json"]
    assert run(*words, "--new-key", str(key)) == 0
    facts = json.loads(capsys.readouterr().out)
    artifact = opened(out.read_bytes(), {bytes.fromhex(facts["trust"])})
    assert artifact.plan == heat_plan()
    assert artifact.digest == facts["digest"]
    assert artifact.metrics["held_out_sites"] == 2
    assert len(artifact.network) <= 64 * 1024
    assert key.stat().st_mode & 0o077 == 0
    again = tmp_path / "again.ewm"
    assert run(*words[:4], str(again), *words[5:], "--key", str(key), "--version", "2") == 0
    second = opened(again.read_bytes(), {bytes.fromhex(facts["trust"])})
    assert (second.version, second.network, second.digest) == (2, artifact.network, artifact.digest)


def test_a_lake_gives_the_same_frames_as_a_recording(recordings: Path, tmp_path: Path) -> None:
    (site,) = sites_from([recordings / "site-1.csv"], SIGNALS, 900, None)
    columns: dict[str, list[object]] = {name: [] for name in ("device", "signal", "time", "mean", "window_s", "n")}
    for name in SIGNALS:
        for at_ms, value in zip(site.times_ms[:500].tolist(), site.signals[name][:500].tolist(), strict=True):
            for column, cell in zip(columns, ("dev-1", name, at_ms, value, 900, 15), strict=True):
                columns[column].append(cell)
    table = pa.table(columns | {"time": pa.array(columns["time"], pa.timestamp("ms", tz="UTC"))})
    folder = tmp_path / "lake" / "kind=summaries" / "date=2024-10-01"
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "part.parquet")
    places = tmp_path / "sites.csv"
    places.write_text("site,latitude,longitude,timezone\ndev-1,48.0,11.0,Europe/Berlin\n")
    (found,) = sites_from([tmp_path / "lake"], SIGNALS, 900, places)
    assert (found.name, found.latitude, found.zone, found.start_ms) == ("dev-1", 48.0, "Europe/Berlin", site.start_ms)
    for name in SIGNALS:
        np.testing.assert_array_equal(found.signals[name], site.signals[name][:500])


def test_minutes_become_frames_and_thin_frames_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "minutes.csv"
    kept = [minute for minute in range(60) if not 17 <= minute < 29]
    rows = [f"{minute * 60},{minute}" + ",1" * (len(SIGNALS) - 1) for minute in kept]
    path.write_text("\n".join([f"time,{','.join(SIGNALS)}", *rows]) + "\n")
    (site,) = sites_from([path], SIGNALS, 900, None)
    first = site.signals[SIGNALS[0]]
    assert (first[0], first[2], first[3]) == (7.0, 37.0, 52.0)
    assert np.isnan(first[1])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("when,flow_temperature\n1,2\n", "column time is missing"),
        ("time,flow_temperature\n2024-01-01T00:00,2\n", "line 2.*has no offset"),
        ("time,flow_temperature\n5,warm\n", "line 2.*warm"),
        ("time,flow_temperature\n", "no rows"),
        ("time,flow_temperature\n5,3\n", "none of 1 recordings has all of"),
    ],
)
def test_a_recording_that_cannot_be_used_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(EmberwattError, match=problem):
        sites_from([path], SIGNALS, 900, None)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("nowhere.csv", "--key", "none.pem"), "none.pem: cannot be read"),
        (("nowhere.csv", "--new-key", "KEY"), "nowhere.csv: cannot be read"),
    ],
)
def test_what_cannot_be_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], problem: str
) -> None:
    filled = [str(tmp_path / "k.pem") if word == "KEY" else word for word in words]
    assert run(*filled, "--plan", "heating", "--out", str(tmp_path / "x.ewm")) == 2
    assert problem in capsys.readouterr().err


def test_too_few_recordings_are_refused(recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(recordings / "site-1.csv"), "--plan", "heating", "--out", str(tmp_path / "x.ewm")]
    assert run(*words, "--new-key", str(tmp_path / "k.pem")) == 2
    assert "1 of 1 recordings last 120 days, expected 6 at least" in capsys.readouterr().err


def test_a_new_key_stays_only_with_a_model_that_it_signed(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, out = tmp_path / "model.pem", str(tmp_path / "m.ewm")
    assert run(str(tmp_path / "nowhere"), "--plan", "heating", "--out", out, "--new-key", str(key)) == 2
    assert run(str(recordings / "site-1.csv"), "--plan", "heating", "--out", out, "--new-key", str(key)) == 2
    whole = [str(recordings), "--plan", "heating", "--steps", "20"]
    assert run(*whole, "--out", str(tmp_path / "nowhere" / "m.ewm"), "--new-key", str(key)) == 2
    assert list(tmp_path.iterdir()) == []
    key.write_text("mine")
    capsys.readouterr()
    assert run(*whole, "--out", out, "--new-key", str(key)) == 2
    told = capsys.readouterr().err
    assert told == (f"emberwatt-cloud: {key}: is there already and stays as it is\n  use --key {key} to sign with it\n")
    assert key.read_text() == "mine"
