"""Corpora as files and splits, what a reference restored, and recorded conversations as episodes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from textenvs.envs.rewrite.corpora import (
    Conversation,
    CorpusEpisode,
    CorpusFluency,
    CorpusTurn,
    load_corpus,
    truth_of,
)
from textenvs.envs.rewrite.reward import assess
from textenvs.errors import CorpusError, UnknownNameError
from textenvs.messages import Stop
from textenvs.rewards.measures import Language
from textenvs.seeding import PassOrder

REWRITE = "小王来了吗\t\t来了\t\t他在哪\t\t小王在哪\n有没有咖啡\t\t\t\t来一杯\t\t来一杯咖啡\n"
ZH_LINE = {"language": "zh", "turns": [{"utterance": "那里呢", "rewrite": "上海呢"}]}


# Files


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Sixty rows in the REWRITE format, all different."""
    things = ["咖啡", "绿茶", "米饭", "面条", "牛奶", "果汁"]
    rows = [f"有没有{thing}{i}\t\t有\t\t来{i + 1}杯\t\t来{i + 1}杯{thing}" for i in range(10) for thing in things]
    path = tmp_path / "table.tsv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_errors_name_file_line_and_reason_before_anything_is_built(tmp_path: Path) -> None:
    path = tmp_path / "bad.tsv"
    path.write_text(REWRITE + "x\t\ty\n" * 7, encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        load_corpus(path)
    message = str(caught.value)
    assert "7 malformed records" in message
    assert f"{path}:3: expected 4 columns" in message
    assert f"{path}:7:" in message
    assert f"{path}:8:" not in message
    assert "2 more" in message


def test_a_file_that_is_not_there_is_named_with_its_neighbour(table: Path) -> None:
    with pytest.raises(CorpusError, match=r"did you mean table\.tsv"):
        load_corpus(table.with_name("tabel.tsv"))
    with pytest.raises(CorpusError, match="folder"):
        load_corpus(table.parent)


def test_text_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "gbk.tsv"
    path.write_bytes(REWRITE.encode() + "他".encode("gbk"))
    with pytest.raises(CorpusError, match=r"gbk\.tsv:3: .*UTF-8"):
        load_corpus(path)


def test_unknown_formats_are_refused(table: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="rewrite"):
        load_corpus(table, format="rewrit")  # type: ignore[arg-type]
    path = tmp_path / "prose.txt"
    path.write_text("once upon a time")
    with pytest.raises(CorpusError, match="none of the known formats"):
        load_corpus(path)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "windows.tsv"
    rows = "".join(f"小王{i}来了吗\t\t来了\t\t他在哪\t\t小王{i}在哪\r\n" for i in range(20))
    path.write_bytes(b"\xef\xbb\xbf" + rows.encode())
    first = load_corpus(path).split("train")[0]
    assert first.turns[0].utterance == "小王0来了吗"
    assert first.turns[1].rewrites == ("小王0在哪",)


def test_the_same_file_is_read_once_until_it_changes(table: Path) -> None:
    corpus = load_corpus(table)
    assert load_corpus(str(table)) is corpus
    table.write_text(table.read_text(encoding="utf-8") + "\n他呢\t\t好\t\t来\t\t他来", encoding="utf-8")
    assert load_corpus(table) is not corpus


# Splits


def test_splits_are_the_end_of_the_file_and_disjoint(table: Path) -> None:
    corpus = load_corpus(table, holdout=10)
    sources = {name: [c.source for c in corpus.split(name)] for name in ("train", "valid", "test")}
    assert sources["test"] == [f"table.tsv:{i}" for i in range(51, 61)]
    assert sources["valid"] == [f"table.tsv:{i}" for i in range(46, 51)]
    assert sources["train"] == [f"table.tsv:{i}" for i in range(1, 46)]


def test_a_conversation_of_a_later_split_is_left_out_of_an_earlier_one(table: Path) -> None:
    lines = table.read_text(encoding="utf-8").split("\n")
    changed = lines[-1].rpartition("\t\t")[0].replace("来", " 来") + "\t\t另一个答案"
    table.write_text("\n".join([lines[-1], changed, lines[-12], *lines]), encoding="utf-8")
    corpus = load_corpus(table, holdout=10)
    contents = [{c.content for c in corpus.split(name)} for name in ("train", "valid", "test")]
    assert not contents[0] & contents[1]
    assert not contents[0] & contents[2]
    assert not contents[1] & contents[2]
    assert corpus.split("train")[0].source == "table.tsv:4"
    assert len(corpus.split("test")) == 10


def test_a_conversation_is_never_cut(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    turn = {"utterance": "Why?", "rewrite": "Why is it so?"}
    lines = [
        {"language": "en", "topic": str(i), "turns": [turn, turn, {**turn, "rewrite": f"{i}?"}]} for i in range(10)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    corpus = load_corpus(path, holdout=4)
    assert [len(corpus.split(name)) for name in ("train", "valid", "test")] == [7, 1, 2]


def test_a_split_that_would_be_empty_is_refused(table: Path) -> None:
    with pytest.raises(CorpusError, match="nothing for the split 'train'"):
        load_corpus(table, holdout=59)
    with pytest.raises(CorpusError, match="nothing for the split"):
        load_corpus(table, holdout=0)


def test_a_language_that_is_only_held_out_is_refused(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    lines = [{"language": "en", "turns": [{"utterance": f"Why {i}?", "rewrite": f"Why is it {i}?"}]} for i in range(20)]
    path.write_text("\n".join(map(json.dumps, [*lines, ZH_LINE])), encoding="utf-8")
    with pytest.raises(CorpusError, match="rewrites in language 'zh'"):
        load_corpus(path, holdout=1)


def test_draws_are_without_replacement_in_a_pass_and_repeat_with_the_seed() -> None:
    order, generator = PassOrder(7), np.random.default_rng(5)
    first = [order.draw(generator) for _ in range(7)]
    second = [order.draw(generator) for _ in range(7)]
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second
    order.draw(generator)
    again = np.random.default_rng(5)
    assert [order.draw(again) for _ in range(7)] == first


# Alignment


def aligned(language: Language, history: str, utterance: str, *rewrites: str):
    conversation = Conversation(language, (CorpusTurn(history), CorpusTurn(utterance, rewrites)), "file:1")
    return truth_of(conversation, 1, lambda text: 1.0)


def test_what_replaces_a_pronoun_is_a_reference_and_what_is_inserted_an_ellipsis() -> None:
    truth = aligned("zh", "西安的小王", "他明天去吗", "小王明天去西安吗")
    reference, ellipsis = truth.restored
    assert (reference.kind, reference.aliases, reference.turns_back) == ("reference", ("小王",), 1)
    assert (ellipsis.kind, ellipsis.aliases, ellipsis.turns_back) == ("ellipsis", ("西安",), 1)
    assert truth.kept == (("明",), ("天",), ("去",))
    assert truth.graded == ("他明天去西安吗", "小王明天去吗")


def test_english_spans_are_trimmed_of_function_words() -> None:
    truth = aligned("en", "It rained.", "How long did it rain?", "How long did it rain in the old town of Rome?")
    (slot,) = truth.restored
    assert slot.aliases == ("in the old town of rome", "old town of rome")
    assert slot.turns_back == 0
    assert "rain in the old town of rome" in slot.places
    assert truth.kept == (("how",), ("long",), ("rain",))


def test_an_antecedent_in_the_reply_is_one_turn_back() -> None:
    turns = (CorpusTurn("谁来了", (), "小王"), CorpusTurn("几点", (), "三点"), CorpusTurn("他走了", ("小王走了",)))
    (slot,) = truth_of(Conversation("zh", turns, "file:1"), 2, len).restored
    assert slot.turns_back == 2


def test_function_words_count_where_nothing_else_was_restored() -> None:
    (slot,) = aligned("zh", "好", "来", "来了吗").restored
    assert slot.aliases == ("了吗",)
    assert slot.places == ("来了吗",)


def test_nothing_restored_means_that_the_copy_is_right_too() -> None:
    truth = aligned("en", "Hello.", "Well, is the shop open?", "is the shop open")
    assert not truth.needs_rewrite
    assert assess(truth, truth.gold).value == assess(truth, truth.utterance).value == 1.0


def test_every_reference_is_accepted() -> None:
    truth = aligned("en", "The park.", "Is it open?", "Is the park open?", "Is that park open?")
    assert all(assess(truth, text).value == 1.0 for text in ("Is the park open", "Is that park open?"))


def test_another_span_of_the_history_in_the_place_of_the_right_one_is_wrong() -> None:
    truth = aligned("zh", "小王和小李都来了", "他在哪", "小王在哪")
    assert assess(truth, "小李在哪").fault == 0.0  # half of the name is there
    truth = aligned("zh", "王老师和李明都来了", "他在哪", "王老师在哪")
    assert assess(truth, "李明在哪").value < 0.0
    assert assess(truth, "王老师和李明都来了他在哪").value <= 0.1


# Episodes

DIALOGUE = Conversation(
    "en",
    (
        CorpusTurn("Where is the park?", (), "In Rome."),
        CorpusTurn("Is it open?", ("Is the park open?",), "Yes."),
        CorpusTurn("Thanks.", (), "Sure."),
        CorpusTurn("And today?", ("Is the park open today?",), "Also."),
    ),
    "file:9",
    "Travel",
)


def play(answers: list[str], history_source: str = "original"):
    episode = CorpusEpisode(
        DIALOGUE,
        len,
        instruction="Rewrite.",
        speakers=("S: ", "U: "),
        history_source=history_source,  # type: ignore[arg-type]
    )
    return episode, [episode.act(answer) for answer in answers]


def test_an_episode_shows_the_record_and_ends_with_it() -> None:
    episode, (first, last) = play(["Is the park open?", "Is the park open today?"])
    assert [m.content for m in episode.opening] == ["[Travel]\nU: Where is the park?\nS: In Rome.\nU: Is it open?"]
    assert [m.content for m in first.replies] == ["S: Yes.\nU: Thanks.\nS: Sure.\nU: And today?"]
    assert [m.content for m in last.replies] == ["S: Also."]
    assert (first.truth.gold, last.truth.gold) == ("Is the park open?", "Is the park open today?")
    assert (first.stop, last.stop, last.success) == (Stop.RUNNING, Stop.SUCCESS, True)


def test_a_first_utterance_with_nothing_before_it_has_no_label() -> None:
    alone = Conversation("zh", (CorpusTurn("他在哪", ("小王在哪",)),), "file:1")
    episode = CorpusEpisode(alone, len, instruction="改写", speakers=("客服:", "用户:"))
    assert [m.content for m in episode.opening] == ["他在哪"]


def test_nothing_is_restated_where_nothing_follows() -> None:
    alone = Conversation("zh", (CorpusTurn("他在哪", ("小王在哪",)),), "file:1")
    episode = CorpusEpisode(alone, len, instruction="改写", speakers=("客服:", "用户:"), history_source="own")
    assert episode.act("小王在哪").replies == ()


def test_own_rewrites_are_restated_on_one_line() -> None:
    _, (first, last) = play(["<think>no</think>Is it\nS: lost?", ""], "own")
    assert first.replies[0].content == "U: Is it S: lost?\nS: Yes.\nU: Thanks.\nS: Sure.\nU: And today?"
    assert (last.stop, last.success, last.invalid) == (Stop.FAILURE, False, True)


def test_episodes_fork_and_name_their_content() -> None:
    episode, _ = play([])
    fork = episode.fork()
    fork.act("x")
    assert episode.oracle() == "Is the park open?"
    assert fork.oracle() == "Is the park open today?"
    assert fork.content() == episode.content()
    assert episode.task_id == "file:9"


def test_truths_travel_to_workers_without_the_tables(table: Path) -> None:
    corpus = load_corpus(table)
    judge = CorpusFluency(corpus.key, "zh")
    truth = truth_of(corpus.split("test")[0], 1, judge)
    data = pickle.dumps(truth)
    assert len(data) < 3000
    twin = pickle.loads(data)  # noqa: S301
    assert twin.fluency(truth.gold) == judge(truth.gold) == corpus.fluency_model("zh")(truth.gold)
