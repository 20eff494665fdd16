"""The public data sets as they are: counts, and what gold, copy, dump and attacks are worth on them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from textenvs.envs.rewrite.corpora import Conversation, Corpus, CorpusFluency, load_corpus, truth_of
from textenvs.envs.rewrite.reward import Assessment, assess
from textenvs.envs.rewrite.types import RewriteTruth
from textenvs.rewards.measures import exact_match, words
from textenvs.seeding import SPLITS

FILES = {
    "rewrite": "utterance_rewriter_zh_train.tsv",
    "canard": "canard_dev.tsv",
    "gecor": "gecor_camrest676_annotated.json",
    "alexa": "alexa_cqr_dev.json",
}


@pytest.fixture(scope="module", params=sorted(FILES))
def corpus(request: pytest.FixtureRequest, data_dir: Path) -> Corpus:
    return load_corpus(data_dir / "rewrite" / FILES[request.param])


@pytest.fixture(scope="module")
def rewrite(data_dir: Path) -> Corpus:
    return load_corpus(data_dir / "rewrite" / FILES["rewrite"])


@pytest.fixture(scope="module")
def canard(data_dir: Path) -> Corpus:
    return load_corpus(data_dir / "rewrite" / FILES["canard"])


def everything(corpus: Corpus) -> Iterator[Conversation]:
    for split in SPLITS:
        yield from corpus.split(split)


def held_out(corpus: Corpus) -> list[tuple[RewriteTruth, list[str]]]:
    """The truths of valid and test, each with what was said before."""
    found: list[tuple[RewriteTruth, list[str]]] = []
    for conversation in (*corpus.split("valid"), *corpus.split("test")):
        judge = CorpusFluency(corpus.key, conversation.language)
        for i in conversation.scored:
            said = [text for turn in conversation.turns[:i] for text in (turn.utterance, turn.reply)]
            found.append((truth_of(conversation, i, judge), [conversation.topic, *said]))
    return found


def joined(parts: list[str], truth: RewriteTruth) -> str:
    return ("" if truth.language == "zh" else " ").join(part for part in parts if part)


def test_rewrite_has_its_eighteen_thousand_rows(rewrite: Corpus) -> None:
    lost_to_duplicates = 18_000 - sum(1 for _ in everything(rewrite))
    assert lost_to_duplicates == 4
    assert len(rewrite.split("test")) == 1000
    assert rewrite.split("test")[-1].source.endswith(":18000")
    assert rewrite.languages == ("zh",)


def test_canard_rows_become_490_conversations(canard: Corpus) -> None:
    assert sum(1 for _ in everything(canard)) == 490
    assert sum(len(conversation.scored) for conversation in everything(canard)) == 3430


def test_copying_scores_what_is_published(rewrite: Corpus, canard: Corpus) -> None:
    def copies(corpus: Corpus) -> list[bool]:
        turns = [(c.turns[i], c.language) for c in everything(corpus) for i in c.scored]
        return [exact_match(turn.utterance, turn.rewrites[0], language) for turn, language in turns]

    assert sum(copies(rewrite)) <= 10
    assert statistics.mean(copies(canard)) == pytest.approx(0.06, abs=0.01)


def test_splits_share_no_conversation(corpus: Corpus) -> None:
    contents = [{c.content for c in corpus.split(name)} for name in SPLITS]
    assert all(contents)
    assert not contents[0] & (contents[1] | contents[2])
    assert not contents[1] & contents[2]


def test_every_reference_is_worth_one_and_no_copy_pays(corpus: Corpus) -> None:
    judge = lambda text: 1.0  # noqa: E731 - what is exact, or copied, does not depend on the form
    for conversation in everything(corpus):
        for i in conversation.scored:
            truth = truth_of(conversation, i, judge)
            assert all(assess(truth, text).value == 1.0 for text in conversation.turns[i].rewrites)
            copied = assess(truth, truth.utterance)
            assert copied.value == (0.0 if truth.needs_rewrite and not copied.exact else 1.0)


def test_attacks_do_not_pay(corpus: Corpus) -> None:
    judged: dict[str, list[Assessment]] = {}
    for truth, said in held_out(corpus):
        gold = words(truth.gold, truth.language)
        if not truth.needs_rewrite or not any(said):
            continue
        attacks = {
            "dump": joined([*said, truth.utterance], truth),
            "tail": joined([truth.gold, joined(gold[-max(1, len(gold) // 3) :], truth)], truth),
            "keywords": joined([slot.aliases[-1] for slot in truth.restored], truth),
            "hidden": truth.gold[:1] + "\u200b" + truth.gold[1:],
        }
        for name, text in attacks.items():
            judged.setdefault(name, []).append(assess(truth, text))
        worst = min(assess(truth, text).value for text in truth.graded)
        assert judged["tail"][-1].value < worst, (truth.gold, truth.graded)
    means = {name: statistics.mean(one.value for one in results) for name, results in judged.items()}
    assert means["dump"] <= 0.1
    assert means["keywords"] <= 0.1
    assert max(one.value for one in judged["hidden"]) < 0.0


def test_missing_words_at_the_end_of_a_copy_do_not_pay_where_they_do_not_belong_there(corpus: Corpus) -> None:
    attacks: list[float] = []
    weakest: list[float] = []
    for truth, _ in held_out(corpus):
        gold, missing = words(truth.gold, truth.language), [slot.aliases[-1] for slot in truth.restored]
        ends = [words(span, truth.language) for span in missing]
        if truth.needs_rewrite and all(gold[-len(end) :] != end for end in ends):
            attacks.append(assess(truth, joined([truth.utterance.rstrip(" ?.!？。！"), *missing], truth)).value)
            weakest.append(min(assess(truth, text).value for text in truth.graded))
    assert len(attacks) > 10
    assert statistics.mean(attacks) < min(0.05, statistics.mean(weakest))


def test_another_span_of_the_history_does_not_pay(corpus: Corpus) -> None:
    values: list[float] = []
    for truth, said in held_out(corpus):
        if len(truth.restored) != 1:
            continue
        others = [word for text in said for word in words(text, truth.language) if word not in truth.known]
        right = words(truth.restored[0].aliases[-1], truth.language)
        wrong = joined(words(truth.gold, truth.language), truth).replace(
            joined(right, truth), joined(others[: len(right)], truth)
        )
        if others:
            values.append(assess(truth, wrong).value)
    assert len(values) > 20
    assert statistics.mean(value <= 0.0 for value in values) > 0.97


def test_the_fluency_model_tells_references_from_shuffled_ones(corpus: Corpus) -> None:
    references = [truth for truth, _ in held_out(corpus)]
    backwards = [joined(words(truth.gold, truth.language)[::-1], truth) for truth in references if len(truth.gold) > 3]
    real = statistics.mean(truth.fluency(truth.gold) for truth in references)
    broken = statistics.mean(map(references[0].fluency, backwards))
    assert real > 0.75
    assert broken < 0.3
