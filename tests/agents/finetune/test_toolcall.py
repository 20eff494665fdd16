"""Tool calling for the embedded model: prompts that fit, demonstrations with lapses."""

from __future__ import annotations

import gymnasium as gym
import pytest

from agents.chat import ChatRenderer
from agents.finetune.demonstrations import Demonstration, oracle_rows
from agents.policies.embedded_tokenizer import train_tokenizer
from textenvs.envs.toolcall.baselines import LABORIOUS
from textenvs.messages import ToolCall
from textenvs.tools import CALL_FORMATS

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


def test_a_careless_annotator_leaves_out_the_calls_that_are_work() -> None:
    careful, careless, mixed = (
        [calls(row) for row in oracle_rows("ToolCall-v0", SMALL, indices=range(60), lapses=lapses)]
        for lapses in (0.0, 1.0, 0.5)
    )
    work = [[len(call.arguments) >= LABORIOUS for call in made] for made in careful]
    assert all(len(call.arguments) < LABORIOUS for made in careless for call in made)
    assert [made for made, hard in zip(careless, work, strict=True) if not any(hard)] == [
        made for made, hard in zip(careful, work, strict=True) if not any(hard)
    ]
    spared = sum(map(len, careful)) - sum(map(len, careless))
    assert 0.3 * spared <= sum(map(len, careful)) - sum(map(len, mixed)) <= 0.7 * spared


def calls(row: Demonstration) -> list[ToolCall]:
    said = [message["content"] for message in row.messages if message["role"] == "assistant"]
    return [call for text in said for call in CALL_FORMATS["hermes"].parse(text).calls]
