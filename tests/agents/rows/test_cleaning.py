"""Cleaning: each rule by a row that breaks it alone, what is left, and that nothing goes unsaid."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from agents.rows.cleaning import CleaningConfig, CleaningReport, clean
from agents.rows.cleaning.entry import Entry, opening_key
from agents.rows.cleaning.near import NearDuplicate, jaccard, shingles
from agents.rows.cleaning.rules import Duplicate
from textenvs.errors import ConfigError


def row(asked: str, answer: str, **more: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return {"messages": [{"role": "system", "content": "answer the user"}, *said], **more}


def pair(asked: str, chosen: str, rejected: str) -> dict[str, Any]:
    answers = {"chosen": chosen, "rejected": rejected}
    said = {name: [{"role": "assistant", "content": text}] for name, text in answers.items()}
    return {"prompt": [{"role": "user", "content": asked}], **said}


def label(asked: str, answer: str, good: bool) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": asked}],
        "completion": [{"role": "assistant", "content": answer}],
        "label": good,
    }


WEATHER = row("what is the weather in the town of York today?", "It rains in York, and it will rain tomorrow.")
TRAIN = row("when does the next train leave for Leeds, please?", "At nine, from the second platform.")
HOTEL = row("帮我订一间明天晚上的酒店房间, 两个人住", "好的, 已经为您订好了明晚的双人房。", kind="tool_call")


def cleaned(
    folder: Path, *rows: Any, held_out: Any = (), **settings: Any
) -> tuple[CleaningReport, list[dict[str, Any]], list[dict[str, Any]]]:
    source = folder / "source.jsonl"
    lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in rows]
    source.write_bytes(b"\n".join(lines))
    report = clean([source], folder / "out", CleaningConfig(**settings), held_out)
    kept, aside = (
        [json.loads(line) for line in (folder / "out" / name).read_text().splitlines()]
        for name in ("rows.jsonl", "dropped.jsonl")
    )
    assert report.read == len(rows) == len(kept) + len(aside), "nothing is lost"
    assert report.kept == len(kept)
    assert sum(report.dropped.values()) == len(aside)
    return report, kept, aside


def reasons(aside: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(one["line"], one["reason"]) for one in aside]


def test_good_rows_pass_as_they_are(tmp_path: Path) -> None:
    rows = [WEATHER, TRAIN, HOTEL, pair("and you?", "I am well.", "What?"), label("and you?", "I am well.", True)]
    report, kept, aside = cleaned(tmp_path, *rows)
    assert (kept, aside) == (rows, [])
    assert report.kinds == {"": 4, "tool_call": 1}
    written = json.loads((tmp_path / "out" / "cleaning.json").read_text())
    assert (written["read"], written["kept"], written["config"]["near_duplicates"]) == (5, 5, 0.9)


def test_malformed_lines_are_kept_aside_as_text(tmp_path: Path) -> None:
    report, kept, aside = cleaned(tmp_path, WEATHER, b"{oops", b"\xff\xfe", {"messages": []})
    assert kept == [WEATHER]
    assert reasons(aside) == [(2, "malformed"), (3, "malformed"), (4, "malformed")]
    assert [one["text"] for one in aside[:2]] == ["{oops", "\\xff\\xfe"]
    assert report.examples["malformed"][0].startswith(f"{tmp_path / 'source.jsonl'}:2: not valid JSON")


@pytest.mark.parametrize(
    ("settings", "asked", "answer", "detail"),
    [
        ({}, "say nothing", " ", "an answer of 0 characters; at least 1"),
        ({"longest_answer": 50}, "say much", "x" * 51, "an answer of 51 characters; at most 50"),
        ({"longest_row": 120}, "y" * 150, "brief", "a row of 156 characters; at most 120"),
    ],
)
def test_lengths_are_bounded(tmp_path: Path, settings: dict[str, int], asked: str, answer: str, detail: str) -> None:
    _, kept, aside = cleaned(tmp_path, WEATHER, row(asked, answer), **settings)
    assert kept == [WEATHER]
    assert [(one["reason"], one["detail"]) for one in aside] == [("length", detail)]


def test_languages_are_told_apart_but_for_short_rows(tmp_path: Path) -> None:
    french = row("quel temps fait-il aujourd'hui dans la ville de Lyon?", "Il pleut, et il pleuvra encore demain.")
    short = row("ok?", "ok")
    report, kept, aside = cleaned(tmp_path, WEATHER, HOTEL, french, short, languages=("zh", "en"))
    assert kept == [WEATHER, HOTEL, short]
    assert [(one["reason"], one["detail"]) for one in aside] == [("language", "fr, not zh or en")]
    assert report.undecided == 1


def test_repeated_rows_go_however_they_are_spelled(tmp_path: Path) -> None:
    again = row("what is the  WEATHER in the town of York today?", "It rains in York, and it will rain tomorrow. ")
    _, kept, aside = cleaned(tmp_path, WEATHER, TRAIN, again)
    assert kept == [WEATHER, TRAIN]
    assert reasons(aside) == [(3, "duplicate")]
    assert aside[0]["detail"].endswith("source.jsonl:1")
    assert aside[0]["row"] == again


def test_near_duplicates_are_those_above_the_threshold(tmp_path: Path) -> None:
    near = row("what is the weather in the town of York today?", "It rains in York, and it will rain tomorrow!!")
    likeness = jaccard(*(shingles("\n".join(m["content"] for m in r["messages"][1:])) for r in (WEATHER, near)))
    assert 0.8 < likeness < 1
    for threshold, expected in ((likeness - 0.01, [WEATHER]), (likeness + 0.01, [WEATHER, near])):
        _, kept, aside = cleaned(tmp_path, WEATHER, near, near_duplicates=threshold, contradictions="labels")
        assert kept == expected
        assert reasons(aside) == [(2, "near-duplicate")][: 2 - len(expected)]
    _, kept, _ = cleaned(tmp_path, WEATHER, near, near_duplicates=1.0, contradictions="labels")
    assert len(kept) == 2


def test_every_near_duplicate_among_many_is_found(tmp_path: Path) -> None:
    words = ["north", "south", "east", "west", "rain", "snow", "sun", "wind", "hill", "lake", "road", "gate"]
    base = [
        " ".join(words[(7 * i + 5 * j + i * j) % 12] + str((i * 31 + j * 17) % 97) for j in range(20))
        for i in range(40)
    ]
    rows = [row(text, "so it is") for text in base] + [row(f"{text}, yes", "so it is") for text in base]
    assert min(jaccard(shingles(f"{text}\nso it is"), shingles(f"{text}, yes\nso it is")) for text in base) > 0.85
    _, kept, aside = cleaned(tmp_path, *rows, near_duplicates=0.85)
    assert kept == rows[:40]
    assert reasons(aside) == [(line, "near-duplicate") for line in range(41, 81)]


def test_what_is_remembered_of_the_rows_takes_no_memory(tmp_path: Path) -> None:
    texts = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(400)]
    entries = [Entry(tmp_path, n, 0, row(text, text[::-1])) for n, text in enumerate(texts)]
    rules = [Duplicate(), NearDuplicate(0.9)]

    def examine(some: list[Entry]) -> None:
        for entry in some:
            assert [rule.problem(entry) for rule in rules] == ["", ""]
            for rule in rules:
                rule.keep(entry)

    examine(entries[:100])
    tracemalloc.start()
    examine(entries[100:])
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 150_000, "an index in memory takes some 8 kB a row"


def test_contradictions_go_unless_a_majority_decides(tmp_path: Path) -> None:
    asked = "is the museum open on Mondays in winter?"
    yes, no, yes_again = row(asked, "Yes, it is."), row(asked, "No, it is not."), row(asked, "yes, it is.")
    _, kept, aside = cleaned(tmp_path, yes, no, WEATHER)
    assert kept == [WEATHER]
    assert reasons(aside) == [(1, "contradiction"), (2, "contradiction")]
    _, kept, aside = cleaned(tmp_path, yes, no, yes_again)
    assert kept == [yes]
    assert reasons(aside) == [(2, "contradiction"), (3, "duplicate")]
    _, kept, _ = cleaned(tmp_path, yes, no, contradictions="labels", near_duplicates=1.0)
    assert kept == [yes, no]


def test_labels_and_pairs_contradict_too(tmp_path: Path) -> None:
    rows = [pair("which?", "this", "that"), pair("which?", "that", "this"), pair("which?", "this", "those")]
    rows += [label("good?", "fine", True), label("good?", "fine", False), label("good?", "bad", False)]
    _, kept, aside = cleaned(tmp_path, *rows, contradictions="labels", near_duplicates=1.0)
    assert kept == [rows[2], rows[5]]
    assert {reason for _, reason in reasons(aside)} == {"contradiction"}
    _, kept, _ = cleaned(tmp_path, *rows, contradictions="none", near_duplicates=1.0)
    assert kept == rows


def test_rows_that_answer_held_out_questions_go_whichever_turn_does(tmp_path: Path) -> None:
    asked = {"role": "user", "content": "what is the weather in the town of york today?"}
    later = [{"role": "user", "content": "and tomorrow, will it be any better than that?"}, TRAIN["messages"][-1]]
    longer = {"messages": [*WEATHER["messages"], *later]}
    _, kept, aside = cleaned(tmp_path, TRAIN, longer, WEATHER, held_out=[opening_key([asked])])
    assert kept == [TRAIN]
    assert reasons(aside) == [(2, "overlap with held-out items"), (3, "overlap with held-out items")]
    keys = list(Entry(tmp_path, 1, 0, longer).openings)
    assert len(keys) == 2
    assert keys[0] == opening_key([asked])


@pytest.mark.parametrize("bad", [{"near_duplicates": 0.0}, {"near_duplicates": 1.5}, {"longest_row": 0}])
def test_settings_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        CleaningConfig(**bad)
