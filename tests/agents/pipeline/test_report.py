"""What the stages are worth: read from their evaluations, over all items and each family."""

from __future__ import annotations

import json
from pathlib import Path

from agents.evaluation import EpisodeScore
from agents.evaluation.log import EvaluationLog
from agents.pipeline.plan import EVAL, Plan, Stage
from agents.pipeline.report import measure_stages
from agents.pipeline.run import Entry, Ledger
from agents.report import write_report

FAMILIES = ("rewrite-en-tiny-test", "toolcall-en-small-test")


def evaluated(folder: Path, wins: int) -> None:
    """Write an evaluation of eight items of either family, of which the first few succeed."""
    log = EvaluationLog(folder / "greedy.jsonl", {})
    log.begin({"suite": "both", "slices": [], "settings": {}})
    for group in FAMILIES:
        log.add(0, [score(group, item, item < wins) for item in range(8)])


def score(group: str, item: int, success: bool) -> EpisodeScore:
    win = float(success)
    return EpisodeScore(item, f"{group}/{item}", group, win, win, (), "success", ())


def test_stages_are_compared_on_the_same_items(tmp_path: Path) -> None:
    policies = ("sft", "dpo", "ppo")
    for wins, name in enumerate(policies, start=2):
        evaluated(tmp_path / f"{name}-on-both", wins)
    stages = [Stage(name, ("sft",), {}) for name in policies]
    stages += [Stage(f"{name}-on-both", EVAL, {"policy": f"{{{name}}}"}, measures_on="both") for name in policies]
    for name in policies:
        Ledger(tmp_path).put(name, Entry("", done=True, processor_s=90.0))
    found = measure_stages(Plan(tuple(stages)), tmp_path)
    assert found.facts["processor minutes"] == "sft 1.5, dpo 1.5, ppo 1.5"
    assert {name: row["all"].estimate for name, row in found.overviews["both"].items()} == {
        "sft": 0.25,
        "dpo": 0.375,
        "ppo": 0.5,
    }
    assert list(found.overviews["both"]["sft"]) == ["all", "rewrite", "toolcall"]
    assert found.overviews["both"]["sft"]["rewrite"].n == 8
    assert [table.title for table in found.tables if "," not in table.title] == [
        "both: sft → ppo",
        "both: sft → dpo",
        "both: dpo → ppo",
    ]
    assert found.tables[0].row("success").difference.estimate == 0.25
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "evaluation.json").write_text(json.dumps(found.as_dict()))
    page = write_report(tmp_path).read_text()
    assert "success on both" in page
    assert "sft → ppo" in page
