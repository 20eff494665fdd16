"""Our environments in TRL's own GRPO: its tools, its rollouts, its reward column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer
from trl.chat_template_utils import add_response_schema, qwen3_chat_template

from agents.policies.embedded import TinyConfig, build_network
from textenvs.adapters.trl import OVER, Conversation, rows
from textenvs.errors import ConfigError

ID = "MultiTurnRewrite-v0"
SETTINGS = {"language": "en", "difficulty": "tiny"}


def right(index: int) -> str:
    """The best first action of an item."""
    conversation = Conversation(ID, SETTINGS)
    conversation.reset(index=index)
    return conversation._env.unwrapped.oracle_action()  # type: ignore[attr-defined]


def call(tokenizer: Any, text: str) -> list[int]:
    said = f'<tool_call>\n{{"name": "say", "arguments": {{"text": "{text}"}}}}\n</tool_call><|im_end|>'
    return tokenizer.encode(said, add_special_tokens=False)


def test_a_conversation_pays_what_its_turns_are_worth() -> None:
    conversation, env = Conversation(ID, SETTINGS), Conversation(ID, SETTINGS)._env
    opening = conversation.reset(index=4, prompt=[], other=1)
    seen, _ = env.reset(options={"index": 4})
    assert seen["instruction"] in opening
    assert seen["history"][-1]["content"] in opening
    total, ended, answers = 0.0, False, []
    while not ended:
        action = env.unwrapped.oracle_action()  # type: ignore[attr-defined]
        seen, reward, ended, _, _ = env.step(action)
        total += float(reward)
        answers.append(conversation.say(action))
    assert conversation.get_reward() == pytest.approx(total)
    assert conversation.say("more") == OVER
    assert conversation.get_reward() == pytest.approx(total)


def test_what_could_not_be_scored_is_left_out() -> None:
    conversation = Conversation(ID, {**SETTINGS, "reward": "tests.toy:broken"})
    conversation.reset(index=0)
    conversation.say("x")
    assert conversation.get_reward() is None
    conversation.reset(index=0)
    assert conversation.get_reward() == 0.0


def test_rows_name_their_items() -> None:
    assert [row["index"] for row in rows(ID, 3)] == [0, 1, 2]
    with pytest.raises(ConfigError, match="at least one"):
        rows(ID, 0)


@pytest.mark.filterwarnings("ignore")
def test_grpo_trains_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = build_network((), TinyConfig(262, hidden_size=16, layers=1, heads=1, context_length=8192))
    tokenizer.chat_template = qwen3_chat_template
    add_response_schema(tokenizer)
    trainer = GRPOTrainer(
        model,
        train_dataset=Dataset.from_list(rows(ID, 2, SETTINGS)),
        processing_class=tokenizer,
        environment_factory=lambda: Conversation(ID, SETTINGS),
        args=GRPOConfig(
            str(tmp_path),
            num_generations=2,
            per_device_train_batch_size=2,
            max_steps=1,
            max_completion_length=1024,
            report_to=[],
            use_cpu=True,
            save_strategy="no",
        ),
    )
    assert [tool.__name__ for tool in trainer.tools] == ["say"]
    asked: list[Sequence[int]] = []

    def generate(prompt_ids: Any, *rest: Any, **more: Any) -> Any:
        """The first of a group answers right, the second wrong; after that both are silent."""
        first = not asked
        asked.extend(prompt_ids)
        index = trainer.environments[0]._env.unwrapped._episode.task_id  # type: ignore[index]
        texts = [right(int(index.rpartition("/")[2])), "no"]
        end = tokenizer.encode("<|im_end|>", add_special_tokens=False)
        ids = [call(tokenizer, text) if first else end for text in texts[: len(prompt_ids)]]
        return ids, [[-1.0] * len(one) for one in ids]

    monkeypatch.setattr(trainer, "_generate_single_turn", generate)
    before = [weight.clone() for weight in model.parameters()]
    trainer.train()
    logged = trainer.state.log_history[0]
    assert logged["tools/call_frequency"] == 1.0
    assert logged["tools/failure_frequency"] == 0.0
    assert logged["rewards/Conversation/std"] > 0.0
    assert any(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    assert "say" in tokenizer.decode(asked[0])
