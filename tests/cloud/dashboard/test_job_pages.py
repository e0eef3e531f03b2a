from pathlib import Path

import pytest

from tests.helpers.works import Works, demo_works


@pytest.fixture
def works(tmp_path: Path) -> Works:
    return demo_works(tmp_path)


def test_jobs_with_their_last_run_and_the_newest_runs(works: Works) -> None:
    page = works.text("/jobs")
    for text in ("daily 03:30 UTC", "How often homes fail.", "41 homes", "no lake", "by hand, anna", "never ran"):
        assert text in page
    assert "4 s" in page


def test_the_runs_of_one_job(works: Works) -> None:
    page = works.text("/jobs?job=mine")
    assert "Nothing has run yet." in page
    assert "Newest runs of mine" in page


def test_a_job_is_started_by_a_button(works: Works) -> None:
    assert works.post("/jobs/mine/run", {"by": "anna"}) == (303, "/jobs")
    assert works.jobs.wishes == [("mine", "anna")]
    works.jobs.busy = True
    status, page = works.post("/jobs/mine/run", {"by": "anna"})
    assert status == 409
    assert "Not started: job mine is running already." in page
    assert works.post("/jobs/other/run", {"by": "anna"})[0] == 404
    assert works.post("/jobs/mine/run", {"by": "anna"}, origin="http://evil.example")[0] == 403


def test_a_run_shows_its_results_and_its_log(works: Works) -> None:
    page = works.text("/runs/2")
    assert 'href="/runs/2/files/mtbf.csv"' in page
    assert 'href="/runs/2/files/fleet.parquet?keep=true"' in page
    assert 'href="/runs/2/files/fleet.parquet"' not in page, "nobody can look at Parquet"
    assert "log of 2 &lt;b&gt;" in page
    assert "no lake" in works.text("/runs/1")


def test_a_result_is_looked_at_apart_or_taken_away(works: Works) -> None:
    seen = works.get("/runs/2/files/report.html")
    assert "attachment" not in seen.headers.get("content-disposition", "")
    assert seen.headers["content-security-policy"].startswith("sandbox")
    assert "script-src" not in seen.headers["content-security-policy"]
    assert works.get("/runs/2/files/mtbf.csv").headers["content-type"].startswith("text/plain")
    assert works.get("/runs/2/files/mtbf.csv?keep=true").headers["content-disposition"].startswith("attachment")
    assert works.get("/runs/2/files/fleet.parquet").headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "path", ["/runs/9", "/runs/0", "/runs/99999999999", "/runs/2/files/none", "/runs/9/files/mtbf.csv"]
)
def test_what_is_not_there(works: Works, path: str) -> None:
    assert works.get(path).status_code == 404
