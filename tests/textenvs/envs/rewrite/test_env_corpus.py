"""The same id over a corpus: splits, order, languages, and the two kinds of history."""

from __future__ import annotations

import json

import pytest

from textenvs.envs.rewrite.env import MultiTurnRewrite
from textenvs.errors import ConfigError, CorpusError

CONVERSATIONS = 30


@pytest.fixture
def corpus(tmp_path):
    """Thirty conversations of our own, of two turns that need a rewrite each."""
    path = tmp_path / "own.jsonl"
    rows = [
        {
            "language": "en",
            "topic": "",
            "turns": [
                {"utterance": f"who built tower {n}", "reply": "nobody knows"},
                {"utterance": "and when", "rewrite": f"and when was tower {n} built", "reply": "long ago"},
                {"utterance": "how tall is it", "rewrite": f"how tall is tower {n}", "reply": ""},
            ],
        }
        for n in range(CONVERSATIONS)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def rewards(env, index, policy):
    observation, _ = env.reset(options={"index": index})
    ended, total = False, []
    while not ended:
        observation, reward, ended, _, info = env.step(policy(env, observation))
        total.append(reward)
    return total, info["success"], observation


def test_the_oracle_is_exact_and_a_copy_earns_nothing(corpus):
    env = MultiTurnRewrite(corpus=corpus)
    assert rewards(env, 0, lambda env, _: env.oracle_action())[:2] == ([1.0, 1.0], 1.0)
    copied, success, _ = rewards(env, 0, lambda env, observation: env.baselines()["copy"](observation))
    assert max(copied) <= 0.0
    assert success == 0.0


def test_splits_are_disjoint_and_a_pass_meets_every_item_once(corpus):
    hashes = {}
    for split in ("train", "valid", "test"):
        env = MultiTurnRewrite(corpus=corpus, split=split, holdout=6)
        env.reset(seed=3)
        found = [env.item_hash()]
        while True:
            env.reset()
            if env.item_hash() in found:
                break
            found.append(env.item_hash())
        hashes[split] = set(found)
    assert sum(map(len, hashes.values())) == len(set.union(*hashes.values())) == CONVERSATIONS


def test_own_history_shows_the_rewrites_to_later_turns(corpus):
    for source, shown in (("original", False), ("own", True)):
        env = MultiTurnRewrite(corpus=corpus, history_source=source)
        env.reset(options={"index": 0})
        turn = env.advance("a rewrite of mine")
        assert ("a rewrite of mine" in turn.replies[0].content) is shown


def test_an_index_beyond_the_split_is_refused(corpus):
    env = MultiTurnRewrite(corpus=corpus)
    with pytest.raises(ConfigError, match="0 to 2"):
        env.reset(options={"index": 999})


def test_a_language_that_the_corpus_lacks_is_refused(corpus):
    with pytest.raises(ConfigError, match="en"):
        MultiTurnRewrite(corpus=corpus, language="zh")


def test_a_malformed_row_stops_before_anything_trains(corpus):
    corpus.write_text(corpus.read_text(encoding="utf-8") + "\n{}", encoding="utf-8")
    with pytest.raises(CorpusError, match=":31:"):
        MultiTurnRewrite(corpus=corpus)


def test_portions_that_meet_share_nothing_and_leave_nothing_out(corpus):
    def contents(**settings):
        env = MultiTurnRewrite(corpus=corpus, holdout=6, **settings)
        return [rewards(env, index, lambda env, _: "")[2]["history"][0] for index in range(env.n_items)]

    first, second = contents(portion=(0.0, 0.4)), contents(portion=(0.4, 1.0))
    whole = contents()
    assert sorted(map(repr, first + second)) == sorted(map(repr, whole))
    assert 0 < len(first) < len(second)
    assert first != whole[: len(first)], "dealt, not cut off the front"
    assert contents(portion=(0.0, 0.4)) == first
    assert MultiTurnRewrite().n_items is None


def test_an_instruction_of_ones_own_takes_the_environments_place(corpus):
    for settings in ({"corpus": corpus}, {"difficulty": "tiny"}):
        told = {}
        for instruction in (None, "", "rewrite it"):
            env = MultiTurnRewrite(instruction=instruction, **settings)
            observation, _ = env.reset(seed=0, options={"index": 1})
            told[instruction] = observation["instruction"]
            assert env.advance("").instruction == told[instruction]
        assert told[""] == ""
        assert told["rewrite it"] == "rewrite it"
        assert told[None]


@pytest.mark.parametrize("portion", [(0.5, 0.5), (-0.1, 1.0), (0.0, 1.1), (0.0, 0.001)])
def test_a_portion_that_is_none_is_refused(corpus, portion):
    with pytest.raises(ConfigError, match="portion"):
        MultiTurnRewrite(corpus=corpus, portion=portion)
