"""Rendering, through the collector: 200 random conversations with the chat templates of five model families.

The agent samples random tokens, thinking among them, so that what it said is hardly ever what its own text would be
tokenised to; the world answers with anything, markers of the templates among it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents.chat import ChatRenderer
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.embedded_tokenizer import CHAT_TEMPLATE
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.engine import Completion
from agents.rollout.sampling import SamplingParams
from agents.trajectory import Segment, Trajectory
from tests.agents.build import tiny_policy
from tests.agents.test_chat import MARKERS, MISTRAL, published, renderer
from textenvs import Message

FAMILIES = {
    "tiny": CHAT_TEMPLATE,
    "qwen2.5": published("qwen2_5"),
    "qwen3": published("qwen3"),
    "llama3": published("llama3"),
    "mistral": MISTRAL,
}
CONVERSATIONS = 200
CONTEXT = 8192


class Talk(gym.Env[Any, Any]):
    """Answers one to four turns with random words and markers."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.turns = int(self.np_random.integers(1, 5))
        self.history = (Message("user", self.words()),)
        return self.observation(), {"task_id": str(seed)}

    def words(self) -> str:
        pieces = [*MARKERS, "parcel", "快递", " ", "\n", "é", "{", "}", "[INST]", "<|eot_id|>"]
        return "".join(self.np_random.choice(pieces, size=self.np_random.integers(0, 8)).tolist())

    def observation(self) -> dict[str, Any]:
        return {"instruction": "Talk.", "tools": (), "history": self.history}

    def step(self, action: str) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.turns -= 1
        self.history = (*self.history, Message("assistant", action), Message("user", self.words()))
        return self.observation(), 0.0, self.turns == 0, False, {"task_id": "", "stop": ""}


class Babbling:
    """An engine that samples random tokens: text pieces, sometimes a thought first, cut short now and then."""

    def __init__(self, chat: ChatRenderer, seed: int) -> None:
        self.chat = chat
        self.random = np.random.default_rng(seed)
        self.plain = [i for i in range(len(chat.tokenizer)) if i not in chat.tokenizer.added_tokens_decoder]
        self.contexts: dict[int, list[int]] = {}
        self.seen: list[list[int]] = []
        self.waiting: list[int] = []

    def append(self, handle: int, ids: Sequence[int]) -> None:
        self.contexts.setdefault(handle, []).extend(ids)

    def submit(self, handle: int, params: SamplingParams, stream: int) -> None:
        self.waiting.append(handle)

    def poll(self) -> list[Completion]:
        done = [self.turn(handle) for handle in self.waiting]
        self.waiting = []
        return done

    def turn(self, handle: int) -> Completion:
        self.seen.append(list(self.contexts[handle]))
        said = self.random.choice(self.plain, size=self.random.integers(1, 9)).tolist()
        if self.random.random() < 0.5:
            said = [*self.chat.action_ids("<think>\nhm\n</think>\n\n")[:-1], *said]
        cut = self.random.random() < 0.2
        ids = said if cut else [*said, self.chat.stop_ids[0]]
        self.contexts[handle] += ids
        return Completion(handle, ids, [-1.0] * len(ids), "length" if cut else "stop")

    def release(self, handle: int) -> None:
        self.contexts.pop(handle, None)

    def sync(self, policy: CausalLMPolicy) -> int:
        return 0


def conversations(template: str, history: str, count: int) -> tuple[Babbling, list[Trajectory]]:
    policy = tiny_policy()
    policy.chat = renderer(template, history=history, thinking=True)
    policy.model.config.max_position_embeddings = CONTEXT
    engine = Babbling(policy.chat, seed=7)
    collector = Collector(policy, [Talk()], SamplingParams(max_new_tokens=32), engine=engine)
    return engine, collector.collect([EpisodeRequest(group_id=i, seed=i) for i in range(count)])


def sampled(segments: Sequence[Segment], turn: int) -> list[int]:
    return [int(i) for segment in segments for i in segment.token_ids[segment.turn_index == turn]]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_prompt_begins_with_the_last_one_and_what_was_sampled(family: str):
    engine, trajectories = conversations(FAMILIES[family], "append", CONVERSATIONS)
    prompts = iter(engine.seen)
    several = 0
    for trajectory in trajectories:
        (segment,) = trajectory.segments
        ids = segment.token_ids.tolist()
        before: list[int] = []
        for turn in range(len(trajectory.turns)):
            prompt, said = next(prompts), sampled([segment], turn)
            assert prompt[: len(before)] == before
            assert ids[: len(prompt) + len(said)] == prompt + said
            before = prompt + said
        several += len(trajectory.turns) > 1
    assert several > CONVERSATIONS / 2


@pytest.mark.parametrize("family", FAMILIES)
def test_a_template_that_rewrites_the_past_splits_the_trajectory_there(family: str):
    engine, trajectories = conversations(FAMILIES[family], "template", 50)
    chat, prompts = engine.chat, iter(engine.seen)
    splits = 0
    for trajectory in trajectories:
        messages = trajectory.messages
        starts = [int(segment.turn_index[segment.action_mask][0]) for segment in trajectory.segments]
        for turn in range(len(trajectory.turns)):
            shown = {"instruction": "Talk.", "tools": (), "history": tuple(messages[1 : 2 + 2 * turn])}
            prompt = next(prompts)
            # What the model saw is what the template makes of the conversation, and what it said is kept as sampled.
            assert prompt == chat.prompt_ids(shown)
            segment = trajectory.segments[np.searchsorted(starts, turn, side="right") - 1]
            said = sampled([segment], turn)
            assert segment.token_ids[: len(prompt) + len(said)].tolist() == prompt + said
        splits += len(starts) - 1
    assert splits > 0
