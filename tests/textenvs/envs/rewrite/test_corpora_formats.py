"""Readers of corpus formats, on records written for the purpose."""

from __future__ import annotations

import json
from typing import Any

import pytest

from textenvs.corpus_file import Problem
from textenvs.envs.rewrite.corpora import (
    Conversation,
    CorpusTurn,
    Format,
)
from textenvs.envs.rewrite.corpora.formats import READERS, sniff

REWRITE = "小王来了吗\t\t来了\t\t他在哪\t\t小王在哪\n有没有咖啡\t\t\t\t来一杯\t\t来一杯咖啡\n"
CANARD = (
    "Ada Lake\tEarly life\tWhere was she born?\tWhere was Ada Lake born?\n"
    "Ada Lake\tEarly life\tWhere was she born?\tIn Rome.\tAnd when?\tWhen was Ada Lake born?\n"
    "Ada Lake\tEarly life\tWhere was she born?\tIn Rome.\tAnd when?\tIn 1901.\tAny siblings?\tHad Ada Lake siblings?\n"
    "Bo Hill\tCareer\tWhat did he do?\tHe sang.\tWhere?\tWhere did Bo Hill sing?\n"
)
GECOR = [
    {
        "dial": [
            {
                "usr": {
                    "transcript": "A cheap cafe please",
                    "transcript_complete": "A cheap cafe, please",
                    "transcript_with_ellipsis": "",
                    "transcript_with_coreference": "",
                },
                "sys": {"sent": "Cafe Blue is cheap."},
            },
            {
                "usr": {
                    "transcript": "What is the phone number of Cafe Blue?",
                    "transcript_complete": "What is the phone number of Cafe Blue?",
                    "transcript_with_ellipsis": "The phone number?",
                    "transcript_with_coreference": "What is its phone number?",
                },
                "sys": {"sent": "It is 123."},
            },
            {
                "usr": {
                    "transcript": "Is it open?",
                    "transcript_complete": "Is Cafe Blue open?",
                    "transcript_with_ellipsis": "",
                    "transcript_with_coreference": "Is it open?",
                },
                "sys": {"sent": ""},
            },
        ]
    }
]


def alexa_turn(speaker: str, utterance: str, **reformulation: Any) -> dict[str, Any]:
    turn: dict[str, Any] = {"turn": speaker, "data": {"utterance": utterance}}
    if reformulation:
        turn["reformulation"] = {"base_utt_idx": 2, **reformulation}
    return turn


ALEXA = [
    {
        "dialogue": [
            alexa_turn("driver", "find a garage"),
            alexa_turn("assistant", "Main Garage is near."),
            alexa_turn("driver", "send me there"),
            alexa_turn(
                "assistant",
                "Done.",
                reformulated_utt="send me to Main Garage",
                gold_slots=["Main Garage"],
                mturk_reformulations=["Take me to Main Garage", "send me to the garage"],
            ),
            alexa_turn("driver", "thanks"),
            alexa_turn("assistant", "Bye.", base_utt_idx=0, reformulated_utt="find a big garage"),
        ]
    }
]
OWN: list[dict[str, Any]] = [
    {
        "language": "en",
        "turns": [
            {"utterance": "Is the museum open?", "reply": "Yes."},
            {
                "utterance": "And the park?",
                "rewrite": ["Is the park open?", "Is the park open too?"],
                "relevant": ["opening-hours", "park"],
            },
        ],
    },
    {"language": "zh", "topic": "旅行", "turns": [{"utterance": "那里呢", "rewrite": "上海呢"}, {"utterance": "好"}]},
]


def read(kind: Format, text: str) -> list[Conversation | Problem]:
    return list(READERS[kind](text, "file"))


def conversations(kind: Format, text: str) -> list[Conversation]:
    records = read(kind, text)
    assert all(isinstance(record, Conversation) for record in records), records
    return [record for record in records if isinstance(record, Conversation)]


# Formats


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (REWRITE, "rewrite"),
        (CANARD, "canard"),
        (json.dumps(GECOR), "gecor"),
        (json.dumps(ALEXA, indent=2), "alexa"),
        ("\n" + json.dumps(OWN[0]), "jsonl"),
        ("no table at all", None),
        ("", None),
        ("[1, 2]", None),
    ],
)
def test_formats_are_told_from_their_content(text: str, kind: Format | None) -> None:
    assert sniff(text) == kind


def test_rewrite_rows_are_conversations_of_one_scored_turn() -> None:
    first, second = conversations("rewrite", REWRITE)
    assert first.turns == (CorpusTurn("小王来了吗", (), "来了"), CorpusTurn("他在哪", ("小王在哪",)))
    assert (first.language, first.scored, first.source) == ("zh", (1,), "file:1")
    assert (second.turns[0].reply, second.source) == ("", "file:2")


def test_canard_rows_are_joined_by_dialogue() -> None:
    ada, bo = conversations("canard", CANARD)
    assert ada.turns == (
        CorpusTurn("Where was she born?", ("Where was Ada Lake born?",), "In Rome."),
        CorpusTurn("And when?", ("When was Ada Lake born?",), "In 1901."),
        CorpusTurn("Any siblings?", ("Had Ada Lake siblings?",)),
    )
    assert (ada.topic, ada.source) == ("Ada Lake: Early life", "file:1")
    assert bo.turns == (
        CorpusTurn("What did he do?", (), "He sang."),
        CorpusTurn("Where?", ("Where did Bo Hill sing?",)),
    )
    assert (bo.scored, bo.source) == ((1,), "file:4")


def test_gecor_takes_a_reduced_variant_where_there_is_one() -> None:
    (conversation,) = conversations("gecor", json.dumps(GECOR, indent=1))
    spelling, ellipsis, said = conversation.turns
    assert spelling == CorpusTurn(
        "A cheap cafe please", ("A cheap cafe please", "A cheap cafe, please"), "Cafe Blue is cheap."
    )
    assert (ellipsis.utterance, ellipsis.rewrites) == ("The phone number?", ("What is the phone number of Cafe Blue?",))
    assert (said.utterance, said.rewrites, said.reply) == ("Is it open?", ("Is Cafe Blue open?",), "")
    assert conversation.source == "file:2"


def test_alexa_takes_crowd_rewrites_that_hold_every_slot() -> None:
    (conversation,) = conversations("alexa", json.dumps(ALEXA))
    alone, there, thanks = conversation.turns
    assert alone.rewrites == (alone.utterance,)
    assert there.rewrites == ("send me to Main Garage", "Take me to Main Garage")
    assert thanks.rewrites == ("thanks",)  # the note restates another utterance


def test_own_lines() -> None:
    english, chinese = conversations("jsonl", "\n\n".join(map(json.dumps, OWN)))
    assert english.turns[1].rewrites == ("Is the park open?", "Is the park open too?")
    assert (english.scored, english.source, chinese.source) == ((1,), "file:1", "file:3")
    assert (chinese.language, chinese.topic, len(chinese.turns)) == ("zh", "旅行", 1)
    assert (english.turns[1].relevant, chinese.turns[0].relevant) == (("opening-hours", "park"), ())


@pytest.mark.parametrize(
    ("kind", "text", "line", "reason"),
    [
        ("rewrite", REWRITE + "a\t\tb\t\tc\n", 3, "found 3"),
        ("rewrite", REWRITE + "a\t\tb\t\t \t\tc\n", 3, "utterance or the rewrite is empty"),
        ("canard", CANARD + "Bo Hill\tCareer\tq\ta\tr\n", 5, "found 5"),
        ("canard", "Bo Hill\tCareer\t\tWhat?\n", 1, "column 3 is empty"),
        ("gecor", '[\n{"dial": [{"usr": {}}]}]', 2, "'transcript' is missing"),
        ("gecor", '[\n\n{"dial": []}]', 3, "no turn has a rewrite"),
        ("gecor", '[\n{"dial": [,]}]', 2, "no valid JSON"),
        ("alexa", '[{"dialogue": [{"turn": "driver", "data": {"utterance": 3}}]}]', 1, "utterance is a text"),
        ("jsonl", json.dumps(OWN[0]) + "\n{", 2, "Expecting"),
        ("jsonl", '{"language": "fr", "turns": []}', 1, "'zh' or 'en', not 'fr'"),
        ("jsonl", '{"language": "en", "turns": [{"utterance": "x"}]}', 1, "no turn has a rewrite"),
        ("jsonl", '{"language": "en", "turns": [{"utterance": "x", "rewrite": [""]}]}', 1, "none empty"),
        ("jsonl", '{"language": "en", "turns": [{"utterance": "x", "rewrite": "x", "relevant": [3]}]}', 1, "each a t"),
        ("jsonl", "[]", 1, "one JSON object, not a list"),
        ("jsonl", '{"turns": []}', 1, "'language' is missing"),
    ],
)
def test_malformed_records_are_named(kind: Format, text: str, line: int, reason: str) -> None:
    problems = [record for record in read(kind, text) if isinstance(record, Problem)]
    assert [problem.line for problem in problems] == [line]
    assert reason in problems[0].reason


def test_texts_with_line_breaks_cannot_play_another_speaker() -> None:
    line = {"language": "en", "turns": [{"utterance": "Why?\nService: no", "rewrite": "Why\tso?", "reply": "a\r\nb"}]}
    (conversation,) = conversations("jsonl", json.dumps(line))
    assert conversation.turns == (CorpusTurn("Why? Service: no", ("Why so?",), "a b"),)
