"""A real Chromium, driven over its debugging pipe: open a page, ask it, click and type, take a picture."""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_WAIT_S = 30.0


def chromium() -> str | None:
    """The path of an installed Chromium or Chrome."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


class BrowserFailed(AssertionError):
    """The browser did not do what was asked, or a script of the page went wrong."""


class Navigated(BrowserFailed):
    """The page that was asked gave way to the next one before it had answered."""


_GAVE_WAY = "Inspected target navigated or closed"


@dataclass
class _Pipe:
    """The DevTools protocol over two pipes: JSON messages that end with a zero byte."""

    reading: int
    writing: int
    _rest: bytes = b""
    _number: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _WAIT_S
        while True:
            answer = self._next(deadline)
            if answer.get("id") != self._number:
                self.events.append(answer)
            elif "error" in answer:
                failed = Navigated if answer["error"]["message"] == _GAVE_WAY else BrowserFailed
                raise failed(f"{method}: {answer['error']['message']}")
            else:
                return dict(answer["result"])

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self.reading], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise BrowserFailed(f"no answer from the browser within {_WAIT_S} s")
            part = os.read(self.reading, 1 << 20)
            if not part:
                raise BrowserFailed("the browser ended")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(line))


@dataclass
class Page:
    """One open page."""

    pipe: _Pipe
    session: str

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.pipe.call(method, self.session, **params)

    def goto(self, address: str) -> None:
        """Open `address` and wait until it is loaded."""
        failed = self.call("Page.navigate", url=address).get("errorText")
        if failed:
            raise BrowserFailed(f"{address}: {failed}")
        self.wait_for(f"document.readyState === 'complete' && location.href.startsWith({json.dumps(address)})")

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserFailed(f"{expression}: {answer['exceptionDetails'].get('exception', {}).get('description')}")
        return answer["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 15.0) -> None:
        """Until the expression is true, on this page or on one that comes in its place."""
        deadline = time.monotonic() + seconds
        while not self._holds(expression):
            if time.monotonic() > deadline:
                raise BrowserFailed(f"not true within {seconds} s: {expression}")
            time.sleep(0.05)

    def _holds(self, expression: str) -> bool:
        try:
            return bool(self.ask(f"Boolean({expression})"))
        except Navigated:
            return False

    def size(self, width: int, height: int, *, mobile: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def scheme(self, name: str) -> None:
        """ "light" or "dark", as the reader's system would prefer."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """A PNG of the page, down to its end when `whole`."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **self._clip(whole))
        path.write_bytes(base64.b64decode(answer["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}

    def complaints(self) -> list[str]:
        """What this page's scripts and its content policy have complained about so far."""
        found = []
        for event in self._events():
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"].get("exception", {}).get("description")))
            if event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        return found

    def requested(self) -> list[str]:
        """Every address that this page has asked for so far."""
        sent = [event for event in self._events() if event.get("method") == "Network.requestWillBeSent"]
        return [str(event["params"]["request"]["url"]) for event in sent]

    def _events(self) -> list[dict[str, Any]]:
        self.ask("1")
        return [event for event in self.pipe.events if event.get("sessionId") == self.session]

    @contextmanager
    def beside(self, width: int = 1400, height: int = 900) -> Iterator["Page"]:
        """A new page of the same browser, which knows nothing of what others still load; closed afterwards."""
        target = self.pipe.call("Target.createTarget", url="about:blank")["targetId"]
        page = _attach(self.pipe, target)
        page.size(width, height)
        try:
            yield page
        finally:
            self.pipe.call("Target.closeTarget", targetId=target)
            self.pipe.events.clear()


@contextmanager
def browser_page(width: int = 1400, height: int = 900) -> Iterator[Page]:
    """A page of a browser of its own, with an empty profile; both are gone afterwards."""
    program = chromium()
    assert program is not None, "Chromium is not installed"
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        pid, pipe = _start([program, *FLAGS, f"--user-data-dir={profile}", "about:blank"])
        try:
            page = _attach(pipe, _first_target(pipe))
            page.size(width, height)
            yield page
        finally:
            os.close(pipe.writing)
            os.close(pipe.reading)
            _end(pid)


def _start(command: list[str]) -> tuple[int, _Pipe]:
    """The browser reads its orders from descriptor 3 and answers on 4."""
    their_orders, our_orders = _pipe()
    our_answers, their_answers = _pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, their_orders, 3),
        (os.POSIX_SPAWN_DUP2, their_answers, 4),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    pid = os.posix_spawn(command[0], command, dict(os.environ), file_actions=actions, setpgroup=0)
    os.close(their_orders)
    os.close(their_answers)
    return pid, _Pipe(our_answers, our_orders)


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are clear of the descriptors that the browser gets."""
    low = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low]
    for end in low:
        os.close(end)
    return high[0], high[1]


def _first_target(pipe: _Pipe) -> str:
    targets = pipe.call("Target.getTargets")["targetInfos"]
    return str(next(one["targetId"] for one in targets if one["type"] == "page"))


def _attach(pipe: _Pipe, target: str) -> Page:
    session = pipe.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    page = Page(pipe, session)
    for domain in ("Page", "Runtime", "Log", "Network"):
        page.call(f"{domain}.enable")
    return page


def _end(pid: int) -> None:
    """Wait for the browser, which ends with its pipe; if it does not, end its group."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return
        time.sleep(0.05)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
