"""The report page: complete, self-contained, and deaf to whatever the transcripts contain."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.report import write_report
from agents.report.charts import HEIGHT, WIDTH, ChartSpec, build_chart, smooth, smooth_error, ticks
from agents.report.sanitize import neutralize
from agents.report.transcripts import pair_transcripts
from tests.agents.report.payloads import HALF, PAYLOADS
from tests.agents.report.runs import episode, write_run
from textenvs.errors import CheckpointError, UsageError

VOID = {"meta", "input", "line", "path", "circle", "br", "img"}


class Page(HTMLParser):
    """Collects tags, attributes and text; checks that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(path: Path) -> tuple[str, Page]:
    html = path.read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return html, page


def test_the_page_holds_everything_and_needs_nothing(tmp_path: Path) -> None:
    html, page = read(write_report(write_run(tmp_path / "run")))
    text = " ".join(" ".join(page.text).split())
    for expected in ("40.0", "80.0", "+40.0", "Training curves", "before and after", "hello", "env.id"):
        assert expected in text
    assert page.tags.count("svg") == 3  # success, the reward part, the metric that nobody chose
    assert not re.search(r"""(?:src|href)\s*=|url\(|@import|https?://""", html)
    assert "default-src 'none'" in html


def test_warnings_say_how_long_they_lasted(tmp_path: Path) -> None:
    _, page = read(write_report(write_run(tmp_path / "run")))
    text = " ".join(" ".join(page.text).split())
    assert "Health of the run" in text
    assert "hello 0 1 to 3" in text
    assert "hello 1 1 to the end" in text
    (tmp_path / "run" / "health.jsonl").unlink()
    assert "Health of the run" not in read(write_report(tmp_path / "run"))[0]


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return read(write_report(write_run(tmp_path_factory.mktemp("harmless"))))[1]


@pytest.mark.parametrize("payload", [*PAYLOADS, HALF])
def test_a_payload_is_text_and_nothing_else(tmp_path: Path, payload: str, harmless: Page) -> None:
    html, page = read(write_report(write_run(tmp_path / "run", said=payload)))
    assert page.tags == harmless.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in harmless.attributes]
    assert neutralize(payload).replace("\r", "\n") in "".join(page.text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]", html)


def test_the_policy_allows_our_script_only(tmp_path: Path) -> None:
    import base64
    import hashlib

    html, _ = read(write_report(write_run(tmp_path / "run")))
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script.group(1).encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html


def test_a_run_that_was_cut_short_is_still_readable(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"update": 5, "succ')
    (folder / "evaluation.json").unlink()
    (folder / "transcripts.jsonl").unlink()
    _, page = read(write_report(folder, tmp_path / "elsewhere.html"))
    assert "svg" in page.tags
    assert not (folder / "report.html").exists()


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run folder"):
        write_report(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"no config\.json"):
        write_report(tmp_path)
    folder = write_run(tmp_path / "run")
    (folder / "metrics.jsonl").write_text('{"update": 1}\nnonsense\n')
    with pytest.raises(CheckpointError, match="line 2"):
        write_report(folder)
    (folder / "metrics.jsonl").write_text("[1]\n")
    with pytest.raises(CheckpointError, match="JSON object, found list"):
        write_report(folder)


def test_episodes_pair_by_item_and_say_what_changed() -> None:
    records = [episode(phase, i, s, "x") for i in range(4) for phase, s in (("before", i % 2), ("after", i // 2))]
    pairs = pair_transcripts(records)
    assert [pair.verdict for pair in pairs] == ["improved", "worse", "solved", "unsolved"]
    bubbles = pairs[0].after.bubbles
    assert [bubble.action for bubble in bubbles] == [False, False, True]
    assert len(pair_transcripts(records, limit=2)) == 2


def test_what_both_sides_have_in_common_ends_where_they_part() -> None:
    def alike(before: dict[str, Any], after: dict[str, Any] | None = None) -> int:
        records = [before] if after is None else [{**before, "phase": "before"}, after]
        return pair_transcripts(records)[0].alike

    said, other = episode("after", 0, 1.0, "x"), episode("after", 0, 1.0, "x")
    assert alike(said) == alike(said, other) == 0, "nothing parts"
    other["messages"] = [*said["messages"], {"role": "user", "content": "more"}]
    assert alike(said, other) == 3
    other["messages"] = [*said["messages"][:2], {"role": "assistant", "content": "y"}]
    assert alike(said, other) == 2


def test_rare_verdicts_stay_when_pairs_are_left_out() -> None:
    records = [episode(phase, i, 1.0, "x") for i in range(50) for phase in ("before", "after")]
    records += [episode("before", 99, 1.0, "x"), episode("after", 99, 0.0, "x")]
    assert "worse" in {pair.verdict for pair in pair_transcripts(records, limit=5)}


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=30))
@example([5e-324])
def test_every_drawn_point_lies_inside_the_chart(values: list[float]) -> None:
    metrics = [{"x": float(i), "y": value} for i, value in enumerate(values)]
    chart = build_chart(ChartSpec("y", ("y",)), metrics, "x")
    if all(math.isnan(value) for value in values):
        assert chart is None
        return
    assert chart is not None
    for path in (chart.lines[0].raw, chart.lines[0].smooth):
        points = [tuple(map(float, point.split(","))) for point in re.findall(r"[ML]([^ ]+)", path)]
        assert len(points) == sum(not math.isnan(value) for value in values)
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


def test_a_gap_lifts_the_pen() -> None:
    metrics = [{"x": i, "y": y} for i, y in enumerate([1.0, 2.0, None, 3.0, 4.0])]
    chart = build_chart(ChartSpec("y", ("y",)), metrics, "x")  # type: ignore[arg-type]
    assert chart is not None
    assert re.sub(r"[^ML]", "", chart.lines[0].raw) == "MLML"


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=20))
def test_the_moving_average_is_a_weighted_mean_of_the_past(values: list[float]) -> None:
    weights = [0.8 ** (len(values) - 1 - i) for i in range(len(values))]
    expected = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    assert smooth(values)[-1] == pytest.approx(expected, abs=1e-9)


def test_the_interval_of_the_moving_average_is_that_of_a_weighted_mean() -> None:
    errors = [0.1, 0.3, math.nan, 0.2]
    weights = [0.8**2, 0.8, 1.0]
    known = [0.1, 0.3, 0.2]
    expected = math.sqrt(sum((w * e) ** 2 for w, e in zip(weights, known, strict=True))) / sum(weights)
    assert smooth_error(errors)[-1] == pytest.approx(expected)
    assert math.isnan(smooth_error(errors)[2])


def test_a_band_is_drawn_around_the_line_where_its_error_is_known() -> None:
    rows = [{"x": float(i), "y": 0.5, "y_se": 0.1, "z": 0.5} for i in range(4)]
    both = build_chart(ChartSpec("", ("y", "z"), percent=True), rows, "x")
    assert both is not None
    assert [bool(line.band) for line in both.lines] == [True, False]
    heights = [float(point.split(",")[1].rstrip("Z")) for point in both.lines[0].band[1:].split(" L")]
    assert max(heights[:4]) < both.lines[0].end[1] < min(heights[4:])
    assert heights[0] < heights[3], "an average of more values is better known"


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_and_span_the_values(low: float, span: float) -> None:
    marks = ticks(low, low + span)
    assert 2 <= len(marks) <= 8
    tolerance = 1e-6 * max(abs(low), span, 1)
    assert marks[0] <= low + tolerance
    assert marks[-1] >= low + span - tolerance


def test_ordinary_text_of_any_language_is_left_alone() -> None:
    text = "包裹 8841 什么时候到?\n\tWhere’s it – naïve “quotes” 🙂 مرحبا"
    assert neutralize(text) == text
