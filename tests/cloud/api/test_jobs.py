from pathlib import Path

import pytest
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

from tests.helpers.web import Client
from tests.helpers.works import Works, demo_works

API = "/api/v1"


@pytest.fixture
def works(tmp_path: Path) -> Works:
    return demo_works(tmp_path)


def test_jobs_and_their_runs(works: Works) -> None:
    mtbf, mine = works.json(f"{API}/jobs")["items"]
    assert (mtbf["schedule"], mtbf["next"], mtbf["last"]["state"]) == (
        "daily 03:30 UTC",
        "2026-06-18T18:10:00.000Z",
        "done",
    )
    assert (mine["next"], mine["last"]) == (None, None)
    runs = works.json(f"{API}/jobs/mtbf/runs")["items"]
    assert [(run["id"], run["state"], run["duration_s"], run["exit"]) for run in runs] == [
        (2, "done", 4.2, 0),
        (1, "failed", 0.9, 2),
    ]
    assert works.json(f"{API}/jobs/mine/runs")["items"] == []


def test_a_run_with_its_log_and_files(works: Works) -> None:
    document = works.json(f"{API}/runs/2")
    assert [file["name"] for file in document["files"]] == ["fleet.parquet", "mtbf.csv", "report.html"]
    log = works.get(f"{API}/runs/2/log")
    assert log.headers["content-type"].startswith("text/plain")
    assert log.text == "log of 2 <b>"
    file = works.get(f"{API}/runs/2/files/mtbf.csv")
    assert file.text.startswith("device,hours")
    assert file.headers["content-disposition"].startswith("attachment")


def test_a_job_is_started_by_somebody(works: Works) -> None:
    answer = works.call("POST", f"{API}/jobs/mine/runs", json={"by": "anna"})
    assert answer.status_code == 202
    assert works.jobs.wishes == [("mine", "anna")]
    works.jobs.busy = True
    works.problem(f"{API}/jobs/mine/runs", 503, "POST", json={"by": "anna"})
    works.problem(f"{API}/jobs/mine/runs", 422, "POST", json={})


@pytest.mark.parametrize("body", [{}, {"json": {}}])
def test_a_job_that_nobody_starts_is_told_who_may(works: Works, body: dict[str, object]) -> None:
    error = works.problem(f"{API}/jobs/mine/runs", 422, "POST", **body)
    assert (error["field"], error["expected"]) == ("by", 'who asks, {"by": "anna"} in the body, or a login')


def test_who_is_logged_in_needs_no_body(works: Works) -> None:
    class LoggedIn(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
            request.state.person = "ben"
            return await call_next(request)

    assert Client(LoggedIn(works.app())).call("POST", f"{API}/jobs/mine/runs").status_code == 202
    assert works.jobs.wishes == [("mine", "ben")]


def test_a_change_without_a_body_is_told_what_is_missing(works: Works) -> None:
    error = works.problem(f"{API}/incidents/i-heat", 422, "PATCH")
    assert (error["field"], error["expected"]) == ("body", "a JSON object as openapi.json describes it")


@pytest.mark.parametrize(
    "path", ["/runs/9", "/runs/9/log", "/runs/2/files/other.csv", "/runs/2/files/../../etc/passwd", "/jobs/other/runs"]
)
def test_what_is_not_there(works: Works, path: str) -> None:
    works.problem(API + path, 404)


def test_the_reference_page_has_them_all(works: Works) -> None:
    document = works.json(f"{API}/openapi.json")
    assert {"/incidents", "/incidents/{incident}", "/jobs", "/runs/{run}/files/{name}"} <= set(document["paths"])
    assert works.get(f"{API}/docs").status_code == 200
