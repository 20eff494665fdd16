"""The service's web page: figures and the latest corrections, without a line of script."""

from __future__ import annotations

import base64
import functools
import hashlib
import time
from pathlib import Path

import jinja2

from agents.feedback.events import KINDS
from agents.feedback.statistics import HOUR_S, HOURS, Statistics
from agents.report.charts import HEIGHT, LEFT, RIGHT, WIDTH, Chart, ChartSpec, build_chart
from agents.report.page import TEMPLATES, template_environment

_STYLE = (TEMPLATES / "report.css").read_text(encoding="utf-8")
_DIGEST = base64.b64encode(hashlib.sha256(f"\n{_STYLE}\n".encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The content security policy: our own style and nothing else, whatever the texts contain."""


def render_page(statistics: Statistics, now: float) -> str:
    """Return the page as HTML; every text in it is escaped, and invisible control characters are named.

    Args:
        statistics: to show.
        now: seconds since 1970.
    """
    return _template().render(
        figures=statistics,
        kinds=[kind for kind in KINDS if kind in statistics.events],
        chart=_volume(statistics, now),
        style=_STYLE,
        now=now,
        box={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT},
    )


@functools.cache
def _template() -> jinja2.Template:
    environment = template_environment(Path(__file__).parent / "templates", TEMPLATES)
    environment.filters["clock"] = lambda at: time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))
    return environment.get_template("feedback.html.j2")


def _volume(statistics: Statistics, now: float) -> Chart | None:
    """Lay out the events per hour; an hour without any is a zero."""
    events, this_hour = dict(statistics.volume), int(now // HOUR_S)
    rows = [{"hour": float(ago), "events": float(events.get(this_hour + ago, 0))} for ago in range(1 - HOURS, 1)]
    return build_chart(ChartSpec("Events per hour", ("events",)), rows, "hour") if events else None
