"""Incidents and jobs in memory, with API and pages over them."""

from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI

from agent.domain.errors import BadInput, Transient
from cloud.api.app import make_api
from cloud.dashboard.app import make_dashboard
from cloud.incidents.desk import Desk
from cloud.ports import IncidentEntry, IncidentSite, JobInfo, JobRun
from tests.helpers.book import Book, an_incident
from tests.helpers.fleet import NOW_MS, HandClock, InMemoryFleet, demo_fleet
from tests.helpers.web import Client

HOUR_MS = 3_600_000


@dataclass
class Jobs:
    """A working `JobDesk` over one folder of results."""

    folder: Path
    run_list: list[JobRun] = field(default_factory=list)
    wishes: list[tuple[str, str]] = field(default_factory=list)
    busy: bool = False

    def jobs(self) -> list[JobInfo]:
        last = self.run_list[0] if self.run_list else None
        return [
            JobInfo("mtbf", "How often homes fail.", "daily 03:30 UTC", NOW_MS + HOUR_MS, last),
            JobInfo("mine", "", "by hand", None, None),
        ]

    def runs(self, job: str | None = None, limit: int = 50) -> list[JobRun]:
        return [run for run in self.run_list if job in (None, run.job)][:limit]

    def run(self, number: int) -> JobRun | None:
        return next((run for run in self.run_list if run.id == number), None)

    def start(self, job: str, who: str) -> None:
        if all(one.name != job for one in self.jobs()):
            raise BadInput(f"job {job!r} is not known")
        if self.busy:
            raise Transient(f"job {job} is running already")
        self.wishes.append((job, who))

    def files(self, number: int) -> list[tuple[str, int]]:
        if self.run(number) is None:
            return []
        return [(path.name, path.stat().st_size) for path in sorted(self.folder.iterdir())]

    def path(self, number: int, name: str) -> str | None:
        return str(self.folder / name) if name in {known for known, _ in self.files(number)} else None

    def log(self, number: int, limit: int = 65_536) -> str:
        return f"log of {number} <b>"[:limit]


def demo_book() -> Book:
    """Four incidents over the sites of `demo_fleet`: a visit, a desk's, equipment to blame, one that is over."""
    about = {"first_ms": NOW_MS - 5 * HOUR_MS, "last_ms": NOW_MS - HOUR_MS, "state_ms": NOW_MS - 5 * HOUR_MS}
    ones = [
        an_incident(id="i-heat", key="a", subject="ember-104", **about),
        an_incident(
            id="i-curve",
            key="b",
            subject="ember-103",
            code="flat_heating_curve",
            codes=["flat_heating_curve"],
            cause="sensors",
            action="remote",
            severity="info",
            cost_per_day=3.0,
            score=3.2,
            note="Down-ranked until 2026-07-01: dismissed on 3 other sites",
            owner="Anna",
            state="acknowledged",
            **about,
        ),
        an_incident(
            id="i-fw",
            key="c",
            kind="equipment",
            subject="SolarEdge SE5K-RWS, firmware 4.18.32",
            maker="SolarEdge",
            model="SE5K-RWS",
            firmware="4.18.32",
            code="sign_or_scale_error",
            codes=["sign_or_scale_error"],
            cause="registers",
            action="maker",
            severity="warning",
            sites=2,
            active_sites=2,
            cost_per_day=12.0,
            score=14.0,
            why="seen on 2 of 4 sites with this firmware",
            **about,
        ),
        an_incident(id="i-old", key="d", subject="ember-105", state="fixed", active=False, score=0.0, **about),
    ]
    book = Book({one.id: one for one in ones})
    for one, device in (
        ("i-heat", "ember-104"),
        ("i-curve", "ember-103"),
        ("i-fw", "ember-101"),
        ("i-fw", "ember-102"),
    ):
        code = book.rows[one].code
        row = IncidentSite(
            one, device, code, NOW_MS - 5 * HOUR_MS, NOW_MS - HOUR_MS, True, 2, 6.0, 0.9, "flow_temperature 24.1"
        )
        book.site_rows[one, device, code] = row
        book.entries.append(IncidentEntry(one, 1, NOW_MS - 5 * HOUR_MS, "emberwatt", "opened", "flow_temperature 24.1"))
    return book


def demo_jobs(folder: Path) -> Jobs:
    """Two runs: one that ended well and left three files, one that failed."""
    folder.mkdir()
    (folder / "mtbf.csv").write_text("device,hours\nember-102,61.5\n")
    (folder / "report.html").write_text("<style>b{color:red}</style><b>MTBF</b><script>window.ran = 1</script>")
    (folder / "fleet.parquet").write_bytes(b"PAR1")
    began = NOW_MS - HOUR_MS
    done = JobRun(2, "mtbf", "done", "manual", "anna", 1, began, began + 4200, 0, "41 homes")
    failed = JobRun(1, "mtbf", "failed", "schedule", "", 2, began - HOUR_MS, began - HOUR_MS + 900, 2, "no lake")
    return Jobs(folder, [done, failed])


@dataclass
class Works(Client):
    """API and pages with all their parts at hand."""

    fleet: InMemoryFleet
    clock: HandClock
    book: Book
    jobs: Jobs

    def __post_init__(self) -> None:
        super().__init__(self.app())

    def app(self) -> FastAPI:
        desk = Desk(self.book, self.clock)
        app = FastAPI(openapi_url=None)
        app.mount("/api/v1", make_api(self.fleet, self.clock, incident_desk=desk, job_desk=self.jobs))
        app.mount("/", make_dashboard(self.fleet, self.clock, incident_desk=desk, job_desk=self.jobs))
        return app

    def text(self, path: str) -> str:
        """The page. Fails unless the status is 200."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, fields: dict[str, str], origin: str | None = "http://test") -> tuple[int, str]:
        """Send a form as a browser does: status, and where it leads or what it says."""
        headers = {} if origin is None else {"Origin": origin}
        answer = self.call("POST", path, data=fields, headers=headers)
        return answer.status_code, answer.headers.get("location", answer.text)


def demo_works(folder: Path) -> Works:
    """All of it as it stands at `NOW_MS`."""
    return Works(demo_fleet(), HandClock(), demo_book(), demo_jobs(folder / "results"))
