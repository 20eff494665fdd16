"""The report page: read a run folder, lay out charts, render one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
from jinja2.utils import htmlsafe_json_dumps

from agents.report.charts import ERROR, HEIGHT, LEFT, RIGHT, WIDTH, Chart, ChartSpec, build_chart
from agents.report.run_folder import REPORT, RunData, flatten, read_run
from agents.report.samples import sample_view
from agents.report.sanitize import neutralize, neutralized
from agents.report.transcripts import VERDICTS, pair_transcripts

X_KEY = "episodes"
COUNTERS = (X_KEY, "update")
"""Metrics that only count, and so make no chart."""

CHARTS = (
    ChartSpec("Success", ("success",), percent=True, note="Share of sampled training episodes that reached the goal."),
    ChartSpec("Return", ("episode_return",), note="Sum of rewards per sampled episode."),
    ChartSpec("Reward parts", ("reward/",), note="Mean of each named part; an unscored part is left out."),
    ChartSpec("KL to the reference", ("kl",), note="Per token, in nats: how far the policy has moved."),
    ChartSpec("Entropy", ("entropy",), note="Per token, in nats: how much the policy still explores."),
    ChartSpec("Tokens per turn", ("response_tokens",), note="How long the sampled actions are."),
)
"""What everyone wants to see first; every other metric follows in a section of its own."""

TEMPLATES = Path(__file__).parent / "templates"
"""Where the page, its style and the macros lie; other pages of the project use the latter two."""


def write_report(
    folder: Path | str,
    destination: Path | None = None,
    between: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Path:
    """Write the report of a run.

    Args:
        folder: a run folder.
        destination: the file to write; None is ``report.html`` in the folder.
        between: the episodes of two policies on the same items, as in ``transcripts.jsonl``, by what each is called;
            they are shown side by side in place of before and after.

    Returns:
        The file that was written.

    Raises:
        UsageError: if the folder is no run.
        CheckpointError: if one of its files is damaged.
    """
    path = destination or Path(folder) / REPORT
    run = read_run(Path(folder))
    path.write_text(render_page(_with_sides(run, between) if between else run), encoding="utf-8")
    return path


def _with_sides(run: RunData, between: Mapping[str, Sequence[Mapping[str, Any]]]) -> RunData:
    """Return the run with the dialogues of two other policies."""
    (first, before), (second, after) = between.items()
    phases = {"before": before, "after": after}
    lines = [{**line, "phase": phase} for phase, episodes in phases.items() for line in episodes]
    return dataclasses.replace(run, transcripts=lines, sides=(first, second))


def render_page(run: RunData, version: str = "") -> str:
    """Return the page as HTML; every text in it is escaped, and invisible control characters are named.

    Args:
        run: to show.
        version: of the run's files, where a server answers for them: the page then asks it for newer ones and renews
            itself. "" for a page that stands alone.
    """
    environment = template_environment(TEMPLATES)
    script = _joined("report.js", "samples.js", *(["live.js"] if version else []))
    charts, more = _charts(run.metrics)
    return environment.get_template("report.html.j2").render(
        run=run,
        tables=run.evaluation.get("tables", []),
        overviews=run.evaluation.get("overviews", {}),
        baselines=run.evaluation.get("baselines", {}),
        facts=run.evaluation.get("facts") or _facts(run),
        version=version,
        notes=run.evaluation.get("notes", []),
        warnings=_warnings(run.health),
        charts=charts,
        more=more,
        pairs=pair_transcripts(run.transcripts),
        verdicts=list(VERDICTS),
        settings=flatten(run.config),
        samples=sample_view(run.samples),
        style=_joined("report.css", "samples.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        box={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT},
    )


@functools.cache
def template_environment(*folders: Path) -> jinja2.Environment:
    """Return templates in which every text is escaped and what cannot be seen is named; the first folder goes first."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        finalize=_visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data"] = _data
    return environment


def _facts(run: RunData) -> dict[str, str]:
    """Return what is known of a run that is not finished."""
    facts = {"environment": run.environment, "algorithm": str(run.config.get("algorithm", "")).upper()}
    return {name: value for name, value in facts.items() if value} | {"updates so far": str(len(run.metrics))}


def _joined(*names: str) -> str:
    """Return the contents of these files, one after the other."""
    return "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)


def _warnings(health: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return every warning that was raised, with the update at which it was cleared, if it was."""
    warnings: list[dict[str, Any]] = []
    for event in health:
        if event.get("raised"):
            warnings.append({**event, "cleared": None})
        else:
            open_ones = (w for w in reversed(warnings) if w["warning"] == event["warning"] and w["cleared"] is None)
            if found := next(open_ones, None):
                found["cleared"] = event["update"]
    return warnings


def _charts(metrics: Sequence[Mapping[str, Any]]) -> tuple[list[Chart], list[Chart]]:
    """Return the chosen charts, and one chart for every metric that none of them shows."""
    shown = tuple(key for spec in CHARTS for key in spec.keys)
    others = dict.fromkeys(
        name
        for row in metrics
        for name in row
        if name not in COUNTERS and not name.endswith(ERROR) and not _covered(name, shown)
    )
    chosen = [build_chart(spec, metrics, X_KEY) for spec in CHARTS]
    rest = [build_chart(ChartSpec(name.replace("_", " "), (name,)), metrics, X_KEY) for name in others]
    return [chart for chart in chosen if chart], [chart for chart in rest if chart]


def _covered(name: str, shown: Sequence[str]) -> bool:
    return any(name.startswith(key) if key.endswith("/") else name == key for key in shown)


def _data(value: object) -> markupsafe.Markup:
    """Return a value as JSON for a script to read: it cannot end the script, and what cannot be seen is named."""
    dumps = functools.partial(json.dumps, ensure_ascii=False, separators=(",", ":"))
    return htmlsafe_json_dumps(neutralized(value), dumps=dumps)


def _visible(value: object) -> object:
    """Neutralise every plain string that a template writes; what is marked as safe markup is ours."""
    return neutralize(value) if type(value) is str else value
