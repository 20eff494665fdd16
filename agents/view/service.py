"""The viewer: a list of runs, and the report of each as it is now, over HTTP."""

from __future__ import annotations

import base64
import functools
import hashlib
import time
from collections.abc import Mapping
from pathlib import Path

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from agents.feedback.gate import Gate, RateLimit
from agents.feedback.hosting import HANDLERS, check_token
from agents.feedback.replies import HEADERS
from agents.report.page import TEMPLATES, render_page, template_environment
from agents.report.run_folder import read_run
from agents.view.runs import find_runs, overview, version
from textenvs.errors import TextEnvsError

REQUESTS_PER_S, BURST = 50.0, 200.0
"""Of one client: an open page asks twice in two seconds."""
EVERY_S = 5
"""Seconds after which the list of runs is shown anew."""
PAGES_KEPT = 4
"""Rendered reports that are kept until their run changes."""

_STYLE = (TEMPLATES / "report.css").read_text(encoding="utf-8")
_DIGEST = base64.b64encode(hashlib.sha256(f"\n{_STYLE}\n".encode()).digest()).decode()
_FRAMES = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PLAIN_POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; {_FRAMES}"
"""The content security policy of the list and of what goes wrong: their style alone. A report brings its own."""


class Viewer:
    """The viewer's routes, and what they share.

    Args:
        root: folder of runs, or a run.
        token: that requests must bring; None is for the loopback address only.

    Raises:
        UsageError: if there is no such folder.
        ConfigError: if the token can be guessed.
    """

    def __init__(self, root: Path, token: str | None = None) -> None:
        check_token(token)
        find_runs(root)
        self._root = root
        self._token = token
        self._page = functools.lru_cache(maxsize=PAGES_KEPT)(_render)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        limit = RateLimit(REQUESTS_PER_S, BURST)
        gate = Middleware(Gate, token=self._token, limit=limit, count=lambda _: None)
        routes = [Route("/", self._show_list), Route("/run/{name:path}", self._show_run)]
        handlers = {**HANDLERS, 404: _no_such, TextEnvsError: _unreadable}
        return Starlette(routes=routes, middleware=[gate], exception_handlers=handlers)

    async def _show_list(self, _: Request) -> Response:
        return _plain_page(await run_in_threadpool(self._list))

    async def _show_run(self, request: Request) -> Response:
        """Answer with a run's report, or with the version of its files."""
        runs = await run_in_threadpool(find_runs, self._root)
        folder = runs.get(request.path_params["name"])
        if folder is None:
            raise HTTPException(404, "no such run")
        now = version(folder)
        if request.url.query == "version":
            return JSONResponse({"version": now}, headers=HEADERS)
        page = await run_in_threadpool(self._page, folder, now)
        return HTMLResponse(page, headers={**HEADERS, "Content-Security-Policy": _FRAMES})

    def _list(self) -> str:
        runs = [overview(name, folder) for name, folder in find_runs(self._root).items()]
        latest = sorted(runs, key=lambda run: run.changed, reverse=True)
        return _template("runs").render(
            runs=latest, title=self._root.resolve().name, folder=self._root, style=_STYLE, every=EVERY_S
        )


def _render(folder: Path, now: str) -> str:
    return render_page(read_run(folder), now)


def _unreadable(_: Request, error: Exception) -> Response:
    return _problem("This run cannot be read", str(error), 500)


def _no_such(_: Request, _error: Exception) -> Response:
    return _problem("No such run", "It may have been moved, renamed or removed since the list was shown.", 404)


def _problem(title: str, detail: str, status: int) -> Response:
    page = _template("problem").render(title=title, detail=detail, style=_STYLE, every=0)
    return _plain_page(page, status)


def _plain_page(page: str, status: int = 200) -> Response:
    """Answer with a page that has no script."""
    return HTMLResponse(page, status, {**HEADERS, "Content-Security-Policy": PLAIN_POLICY})


@functools.cache
def _template(name: str) -> jinja2.Template:
    environment = template_environment(Path(__file__).parent / "templates", TEMPLATES)
    environment.filters["ago"] = _ago
    return environment.get_template(f"{name}.html.j2")


def _ago(at: float) -> str:
    """Return how long ago a moment was, for people."""
    seconds = max(0, round(time.time() - at))
    units: Mapping[str, int] = {"s": 1, "min": 60, "h": 3600, "d": 86400}
    unit = next((name for name in ("d", "h", "min") if seconds >= units[name]), "s")
    return f"{seconds // units[unit]} {unit} ago"
