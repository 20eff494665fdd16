"""``textenvs clean`` and ``textenvs mixture``: files in, files and tables out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.cli import main


def rows_of(kind: str, n: int) -> list[str]:
    return [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"{kind} number {i * 7919 % 10007} of the {i * 31 % 97}th list"},
                    {"role": "assistant", "content": f"answer {i * 104729 % 99991}"},
                ],
                "kind": kind,
            }
        )
        for i in range(n)
    ]


def test_clean_sets_rows_aside_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, test = tmp_path / "rows.jsonl", tmp_path / "test.jsonl"
    rows = rows_of("tool_call", 5)
    source.write_text("\n".join([*rows, rows[0], "{"]))
    test.write_text(rows[3])
    args = ["clean", str(source), "--out", str(tmp_path / "out"), "--against.files", str(test)]
    assert main(args) == 0
    shown = capsys.readouterr().out
    assert "4 of 7 rows kept (tool_call 4)" in shown
    for reason in ("duplicate", "malformed", "overlap with held-out items"):
        assert reason in shown
    assert (tmp_path / "out" / "rows.jsonl").read_text().count("\n") == 4
    assert main(args) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*args, "--overwrite"]) == 0
    capsys.readouterr()
    assert main([*args, "--overwrite", "--languages", "en", "zz"]) == 2
    assert "unknown language (an ISO 639-1 code) 'zz'" in capsys.readouterr().err
    test.write_text(f"{rows[3]}\n{{")
    assert main([*args, "--overwrite"]) == 2, "a test row that cannot be read would not be held out"
    assert "test.jsonl:2: not valid JSON" in capsys.readouterr().err


def test_clean_holds_suites_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from envs_registry.suites import all_suites

    suite = "rewrite-zh-valid"
    env = all_suites()[suite].slices[0].make()
    opening, _ = env.reset(options={"index": 3})
    said = [dict(message) for message in opening["history"]]
    (tmp_path / "rows.jsonl").write_text(json.dumps({"messages": [*said, {"role": "assistant", "content": "好"}]}))
    args = [str(tmp_path / "rows.jsonl"), "--out", str(tmp_path / "out"), "--against.suites", suite]
    assert main(["clean", *args]) == 0
    assert "0 of 1 rows kept" in capsys.readouterr().out
    assert main(["clean", *args[:-1], "rewrite-zh-vali", "--overwrite"]) == 2
    assert "'rewrite-zh-valid'" in capsys.readouterr().err


def test_mixture_shows_its_plan_and_writes_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "rows.jsonl", tmp_path / "mixed.jsonl"
    source.write_text("\n".join(rows_of("tool_call", 300) + rows_of("no_call", 3)))
    args = ["mixture", str(source), "--batch-size", "8", "--temperature", "0"]
    assert main([*args, "--json", "--out", str(out)]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["batches"] == 3
    assert {kind["kind"]: kind["epochs"] for kind in plan["kinds"]} == {"no_call": 4.0, "tool_call": 0.04}
    kinds = [json.loads(line)["kind"] for line in out.read_text().splitlines()]
    assert [kinds[start : start + 8].count("no_call") for start in (0, 8, 16)] == [4, 4, 4]
    assert main(args) == 0
    assert "in every batch" in capsys.readouterr().out
    assert main([*args, "--out", str(out)]) == 2
    assert "there already" in capsys.readouterr().err


def test_shares_that_do_not_fit_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text("\n".join(rows_of("tool_call", 300) + rows_of("no_call", 3)))
    for args, message in (
        (["--temperature", "1"], "cannot hold"),
        (["--shares", '{"rewrite": 1}'], "unknown kind of row 'rewrite'"),
        (["--shares", '{"tool_call": "much"}'], "is no number"),
        (["--batch-size", "0"], "above 0"),
    ):
        assert main(["mixture", str(source), *args]) == 2
        assert message in capsys.readouterr().err
