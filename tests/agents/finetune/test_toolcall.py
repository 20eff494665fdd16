"""Tool calling for the embedded model: prompts that fit, demonstrations with lapses."""

from __future__ import annotations

import gymnasium as gym
import pytest

from agents.chat import ChatRenderer
from agents.finetune.demonstrations import Demonstration, oracle_rows
from agents.policies.embedded_tokenizer import train_tokenizer

SMALL = {"difficulty": "small"}


@pytest.fixture(scope="module")
def rows() -> list[Demonstration]:
    return oracle_rows("ToolCall-v0", SMALL, n=200)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_small_prompts_have_at_most_400_tokens(rows: list[Demonstration], language: str, split: str) -> None:
    texts = [text for row in rows for text in (*(message["content"] for message in row.messages), *row.tools)]
    renderer = ChatRenderer(train_tokenizer(texts, 2048, 2, 1024))
    env = gym.make("ToolCall-v0", **SMALL, language=language, split=split, disable_env_checker=True)
    lengths = [len(renderer.prompt_ids(env.reset(options={"index": index})[0])) for index in range(60)]
    assert max(lengths) <= 400


def test_demonstrations_show_calls_results_and_words(rows: list[Demonstration]) -> None:
    roles = {tuple(message["role"] for message in row.messages) for row in rows}
    assert ("system", "user", "assistant", "tool", "assistant") in roles
    assert ("system", "user", "assistant") in roles
    assert all(row.tools for row in rows)


def test_a_careless_annotator_leaves_calls_out() -> None:
    careful = oracle_rows("ToolCall-v0", SMALL, indices=range(60))
    careless = oracle_rows("ToolCall-v0", SMALL, indices=range(60), lapses=0.5)
    calls = [
        sum(
            "<tool_call>" in message["content"]
            for row in made
            for message in row.messages
            if message["role"] == "assistant"
        )
        for made in (careful, careless)
    ]
    assert 0.3 * calls[0] <= calls[1] <= 0.7 * calls[0]
