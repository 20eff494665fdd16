"""Consequences: the service answers what the rewrite asks, the user reacts, and failing never pays."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textenvs.envs.rewrite.dials import Dials
from textenvs.envs.rewrite.env import MultiTurnRewrite
from textenvs.envs.rewrite.reward import assess
from textenvs.envs.rewrite.world import World
from textenvs.errors import UnknownNameError
from textenvs.messages import Stop

LANGUAGES = ("zh", "en")


def swapped(truth):
    """The gold rewrite with a rival in the place of something restored; None where there is no rival."""
    for slot in truth.restored:
        for alias in slot.aliases:
            if alias in truth.gold and slot.rivals:
                return truth.gold.replace(alias, slot.rivals[0])
    return None


def play(env, policy, index):
    """Yield every turn of an episode in which `policy(truth, observation)` acts."""
    observation, _ = env.reset(options={"index": index})
    ended = False
    while not ended:
        turn = env.advance(policy(env, observation))
        observation, _, ended, _, _ = env.settle(turn, env.reward(turn))
        yield turn


def current_truth(env):
    """The truth of the utterance that is waiting, seen on a copy of the episode."""
    snapshot = env.snapshot()
    truth = env.advance("").truth
    env.restore(snapshot)
    return truth


@pytest.mark.parametrize("language", LANGUAGES)
class TestGoingRight:
    def test_the_oracle_gets_every_request_answered(self, language):
        for difficulty in ("tiny", "easy", "medium", "hard"):
            env = MultiTurnRewrite(language=language, difficulty=difficulty, split="test")
            for index in range(40):
                turns = list(play(env, lambda env, _: env.oracle_action(), index))
                assert turns[-1].stop is Stop.SUCCESS
                assert turns[-1].success == 1.0
                assert all(assess(turn.truth, turn.action).value == 1.0 for turn in turns)

    def test_another_wording_of_the_same_gets_the_same_answer(self, language):
        env = MultiTurnRewrite(language=language, difficulty="medium")
        other = MultiTurnRewrite(language=language, difficulty="medium")
        for index in range(25):
            golden = list(play(env, lambda env, _: env.oracle_action(), index))
            others = list(play(other, lambda env, _: max(current_truth(env).accepted), index))
            assert [turn.replies for turn in golden] == [turn.replies for turn in others]

    def test_the_right_frame_in_imperfect_words_gets_the_right_answer(self, language):
        env = MultiTurnRewrite(language=language, difficulty="tiny")
        for index in range(40):
            env.reset(options={"index": index})
            gold = env.oracle_action()
            stutter = gold[:-1] + (" 嗯嗯" if language == "zh" else " hmm")
            snapshot = env.snapshot()
            right = env.advance(gold).replies
            env.restore(snapshot)
            turn = env.advance(stutter)
            assert turn.replies[0].content.split("\n")[1] == right[0].content.split("\n")[1]
            assert assess(turn.truth, stutter).value < 1.0


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_graded_answer_leaves_one_thing_out_and_restores_the_rest(language):
    env = MultiTurnRewrite(language=language, difficulty="hard")
    several = 0
    for index in range(60):
        for turn in play(env, lambda env, _: env.oracle_action(), index):
            truth = turn.truth
            assert len(truth.graded) == len(truth.restored)
            for left_out, (slot, answer) in enumerate(zip(truth.restored, truth.graded, strict=True)):
                lowered = answer.lower()
                present = [any(alias.lower() in lowered for alias in other.aliases) for other in truth.restored]
                if sum(other.aliases == slot.aliases for other in truth.restored) == 1:
                    assert present == [number != left_out for number in range(len(present))], (truth.gold, answer)
                assert truth.fluency(answer) > 0.0
                assert 0.0 <= assess(truth, answer).value < 1.0
                several += len(present) > 1
    assert several > 50


@pytest.mark.parametrize("language", LANGUAGES)
class TestGoingWrong:
    def test_the_wrong_thing_gets_an_answer_about_the_wrong_thing_and_a_reaction(self, language):
        env = MultiTurnRewrite(language=language, difficulty="medium")
        seen = 0
        for index in range(200):
            turns = play(env, lambda env, _: swapped(current_truth(env)) or env.oracle_action(), index)
            for turn in turns:
                if turn.action == turn.truth.gold:
                    continue
                service, user = turn.replies[0].content.split("\n")
                seen += 1
                assert turn.success == 0.0
                assert assess(turn.truth, turn.action).value <= 0.0
                assert service != user
                if not turn.last and len(turn.truth.frame) == 1:
                    assert current_truth(env).frame == turn.truth.frame
                break
        assert seen > 30

    def test_one_failure_costs_a_turn_and_the_success(self, language):
        env = MultiTurnRewrite(language=language, difficulty=Dials(turns=(4, 4)))
        for index in range(40):
            fails = iter([True, False, False, False])
            turns = list(play(env, lambda env, _, f=fails: "" if next(f) else env.oracle_action(), index))
            assert len(turns) == 4
            assert turns[-1].stop is Stop.TURN_BUDGET
            assert turns[-1].success == 0.0
            assert turns[0].truth.frame == turns[1].truth.frame
            assert turns[0].invalid
            assert not turns[1].invalid

    def test_the_user_leaves_when_patience_is_spent(self, language):
        for patience in (1, 2, 3):
            env = MultiTurnRewrite(language=language, difficulty=Dials(turns=(6, 6), patience=patience))
            turns = list(play(env, lambda env, _: "?", 3))
            assert len(turns) == patience
            assert turns[-1].stop is Stop.USER_LEFT

    def test_the_turn_after_a_failure_is_no_easy_one(self, language):
        """Where it is, two requests were made at once; otherwise copying gets nothing by failing first."""
        env = MultiTurnRewrite(language=language, difficulty="medium")
        for index in range(150):
            before = None
            for turn in play(env, lambda env, _: current_truth(env).utterance, index):
                if before is not None and before.truth.frame == turn.truth.frame:
                    assert turn.truth.needs_rewrite or len(turn.truth.frame) > 1
                before = turn

    def test_the_truth_is_right_for_the_history_that_really_happened(self, language):
        """After random failures gold is still worth 1, copying 0, and every antecedent was really heard."""
        env = MultiTurnRewrite(language=language, difficulty="hard", split="valid")
        generator = np.random.default_rng(5)

        def careless(env, _):
            truth = current_truth(env)
            return generator.choice([truth.gold, truth.gold, truth.utterance, swapped(truth) or "?"])

        failed = 0
        for index in range(120):
            for turn in play(env, careless, index):
                truth = turn.truth
                failed += turn.action != truth.gold
                assert assess(truth, truth.gold).value == 1.0
                if truth.needs_rewrite:
                    assert assess(truth, truth.utterance).value == 0.0
                heard = " ".join(message.content.lower() for message in turn.history if message.role == "user")
                for slot in truth.restored:
                    assert slot.turns_back >= 1
                    assert any(alias.lower() in heard for alias in slot.aliases), (truth.gold, slot)
        assert failed > 100

    @settings(max_examples=60)
    @given(choices=st.lists(st.integers(0, 3), min_size=8, max_size=8), index=st.integers(0, 10_000))
    def test_no_mixture_of_failing_and_retrying_beats_going_right_at_once(self, language, choices, index):
        env = MultiTurnRewrite(language=language, difficulty="medium")
        budget = len(list(play(env, lambda env, _: env.oracle_action(), index)))
        which = iter(choices)

        def mixed(env, _):
            truth = current_truth(env)
            return (truth.gold, truth.utterance, swapped(truth) or "", (truth.graded or ("",))[0])[next(which)]

        turns = list(play(env, mixed, index))
        rewards = [assess(turn.truth, turn.action).value for turn in turns]
        wrong = sum(a.truth.frame == b.truth.frame for a, b in pairwise(turns))
        assert len(turns) <= budget
        assert sum(rewards) <= budget
        if wrong:
            assert sum(rewards) < budget
            assert turns[-1].success == 0.0


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_rewrite_is_heard(language):
    """Thinking does not reach the service, and neither does what the user meant."""
    env = MultiTurnRewrite(language=language, difficulty="tiny")
    env.reset(options={"index": 1})
    snapshot = env.snapshot()
    gold = env.oracle_action()
    plain = env.advance(gold)
    env.restore(snapshot)
    assert env.advance(f"<think>{gold[::-1]}</think>\n{gold}").replies == plain.replies
    env.restore(snapshot)
    assert env.advance(f"<think>{gold}</think>").invalid


def test_an_episode_can_be_pickled_and_forked_in_the_middle():
    env = MultiTurnRewrite(difficulty="hard")
    for index in range(20):
        env.reset(options={"index": index})
        env.advance("?")
        twin = pickle.loads(pickle.dumps(env.snapshot().episode))  # noqa: S301
        fork = env.snapshot().episode
        mine = env.advance(env.oracle_action())
        theirs, forked = twin.act(twin.oracle()), fork.act(fork.oracle())
        assert mine.replies == theirs.replies == forked.replies
        assert mine.truth.restored == theirs.truth.restored
        truth = pickle.loads(pickle.dumps(mine.truth))  # noqa: S301
        assert (truth.known, truth.kept, truth.graded) == (mine.truth.known, mine.truth.kept, mine.truth.graded)
        assert assess(truth, truth.gold).value == 1.0
        assert assess(truth, max(truth.accepted)).value == 1.0


def test_environments_that_play_one_item_draw_it_once_and_do_not_meet(monkeypatch):
    drawn = []
    draw = World.draw
    monkeypatch.setattr(World, "draw", lambda world, generator: drawn.append(world) or draw(world, generator))
    one, other = MultiTurnRewrite(instruction="one"), MultiTurnRewrite(instruction="other")
    for env in (one, other):
        env.reset(options={"index": 987_654})
    right = other.oracle_action()
    one.advance("?")
    assert other.advance(right).replies != one.advance("?").replies
    assert len(drawn) == 1


def test_a_truth_has_no_other_attributes():
    env = MultiTurnRewrite()
    env.reset(options={"index": 0})
    with pytest.raises(AttributeError):
        _ = env.advance("x").truth.nothing


class TestEnvironment:
    def test_the_opening_is_the_first_utterance_alone(self):
        env = MultiTurnRewrite(difficulty="medium")
        observation, _ = env.reset(options={"index": 2})
        assert [message["role"] for message in observation["history"]] == ["user"]
        assert "\n" not in observation["history"][0]["content"]

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_replies_and_utterances_come_labelled_in_one_message(self, language):
        env = MultiTurnRewrite(language=language)
        observation, _ = env.reset(options={"index": 2})
        turn = env.advance(env.oracle_action())
        service, user = turn.replies[0].content.split("\n")
        labels = ("客服:", "用户:") if language == "zh" else ("Service: ", "User: ")
        assert service.startswith(labels[0])
        assert user.startswith(labels[1])
        assert observation["instruction"].isascii() == (language == "en")

    def test_mixed_draws_both_languages(self):
        env = MultiTurnRewrite(language="mixed")
        said = {env.reset(options={"index": index})[0]["instruction"] for index in range(20)}
        assert len(said) == 2

    @pytest.mark.parametrize("wrong", [{"language": "fr"}, {"difficulty": "tny"}, {"history_source": "mine"}])
    def test_unknown_settings_are_refused(self, wrong):
        with pytest.raises(UnknownNameError):
            MultiTurnRewrite(**wrong)

    def test_settings_that_change_items_change_their_keys(self):
        settings = ({}, {"language": "zh"}, {"difficulty": "hard"}, {"split": "valid"})
        hashes = set()
        for each in settings:
            env = MultiTurnRewrite(**each)
            env.reset(options={"index": 0})
            hashes.add(env.item_hash())
        assert len(hashes) == len(settings)


class TestBaselines:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_each_plays_whole_episodes_and_scores_in_its_place(self, language):
        env = MultiTurnRewrite(language=language)
        means = {}
        for name, baseline in env.baselines().items():
            policy = lambda env, observation, b=baseline: b(observation)  # noqa: E731
            turns = [turn for index in range(60) for turn in play(env, policy, index)]
            means[name] = np.mean([assess(t.truth, t.action).value for t in turns if t.truth.needs_rewrite])
        assert set(means) == {"oracle", "random", "copy", "dump", "careless"}
        assert means["oracle"] == 1.0
        assert means["copy"] == 0.0 < means["careless"] < 1.0
        assert means["dump"] <= 0.1
        assert means["random"] <= 0.1

    @pytest.mark.parametrize("difficulty", ["tiny", "easy"])
    def test_dumping_the_history_never_gets_what_the_user_came_for(self, difficulty):
        env = MultiTurnRewrite(difficulty=difficulty)
        dump = env.baselines()["dump"]
        for index in range(80):
            *_, last = play(env, lambda env, observation: dump(observation), index)
            assert last.stop is not Stop.SUCCESS

    def test_random_is_the_same_in_every_process_and_not_the_copy(self):
        env = MultiTurnRewrite()
        observation, _ = env.reset(options={"index": 5})
        baselines = env.baselines()
        assert baselines["random"](observation) == baselines["random"](observation)
        assert baselines["random"](observation) != baselines["copy"](observation)
