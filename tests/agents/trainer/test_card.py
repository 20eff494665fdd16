"""What `agent.save` leaves: a folder that transformers and peft load as it is, with a card that says what it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from peft import AutoPeftModelForCausalLM, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from agents import GRPO, PPO
from agents.trainer.card import ResultRow
from agents.trainer.checkpoint import PAGE, verify_folder
from tests.agents.build import tiny_policy

ENV = "MultiTurnRewrite-v0"
SMALL: dict[str, Any] = {"n_episodes_per_update": 4, "max_new_tokens": 2, "learning_rate": 1e-2}
LORA = {"lora": {"r": 2, "target_modules": ["q_proj", "v_proj"]}, "reference": "adapter_off"}
IDS = torch.arange(20, 40)[None]


def saved(folder: Path, *, env_kwargs: dict[str, Any] | None = None, lora: bool = False) -> PPO:
    """Train a little, so that the weights are not those that anybody would begin with, and save."""
    kwargs = {"difficulty": "tiny", **(env_kwargs or {})}
    agent = PPO(tiny_policy(**(LORA if lora else {})), ENV, env_kwargs=kwargs, **SMALL)
    agent.learn(8).save(folder)
    return agent


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    model.set_attn_implementation("eager")
    return model.eval()(input_ids=IDS).logits


def test_transformers_loads_the_folder_as_it_is(tmp_path: Path) -> None:
    agent = saved(tmp_path / "a")
    assert torch.equal(logits(AutoModelForCausalLM.from_pretrained(tmp_path / "a")), logits(agent.policy.model))
    messages = [{"role": "user", "content": "谁造了塔"}]
    ours, theirs = agent.policy.tokenizer, AutoTokenizer.from_pretrained(tmp_path / "a")
    rendered = theirs.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert rendered == ours.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert theirs(rendered)["input_ids"] == ours(rendered)["input_ids"]


def test_peft_loads_an_adapter_as_it_is(tmp_path: Path) -> None:
    agent = saved(tmp_path / "a", lora=True)
    expected = logits(agent.policy.model)
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "a" / "base")
    assert not torch.equal(logits(base), expected)
    assert torch.equal(logits(PeftModel.from_pretrained(base, tmp_path / "a")), expected)
    assert torch.equal(logits(AutoPeftModelForCausalLM.from_pretrained(tmp_path / "a")), expected)


def front(folder: Path) -> tuple[dict[str, Any], str]:
    """Return a card's YAML and its page."""
    _, head, page = (folder / PAGE).read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), page


def test_the_card_says_what_the_model_is(tmp_path: Path) -> None:
    agent = saved(tmp_path / "a")
    head, page = front(tmp_path / "a")
    assert head["library_name"] == "transformers"
    assert "ppo" in head["tags"]
    assert "license" not in head
    assert "# license: choose" in (tmp_path / "a" / PAGE).read_text()
    words = (
        "MultiTurnRewrite-v0",
        "textenvs 0.",
        '"difficulty": "tiny"',
        "`append`",
        '"learning_rate": 0.01',
        "2 updates",
    )
    assert all(word in page for word in (*words, "the environment's own", "vllm serve", "1707.06347"))
    assert "## Results" not in page
    row = ResultRow("success %", "1.0 [0.5, 2.0]", "3.0 [2.0, 4.0]", "+2.0 [+1.0, +3.0]")
    agent.write_card(tmp_path / "a", {"test items, greedy": [row]}, "textenvs train ppo --set episodes=8")
    _, page = front(tmp_path / "a")
    assert "| success % | 1.0 \\[0.5, 2.0\\] | 3.0 \\[2.0, 4.0\\] | +2.0 \\[+1.0, +3.0\\] |" in page
    assert "textenvs train ppo --set episodes=8" in page
    verify_folder(tmp_path / "a")


def test_an_adapters_card_says_so(tmp_path: Path) -> None:
    saved(tmp_path / "a", lora=True)
    head, page = front(tmp_path / "a")
    assert head["library_name"] == "peft"
    assert "AutoPeftModelForCausalLM" in page
    assert "vllm serve BASE --enable-lora --max-lora-rank 8 " in page
    assert str(tmp_path) not in page


NASTY = "x`</code>|<script>alert(1)</script>\n---\nlicense: mit\n```\n# Heading"


def test_text_of_the_users_does_nothing(tmp_path: Path) -> None:
    agent = GRPO(tiny_policy(critic=None), ENV, env_kwargs={"difficulty": "tiny"}, group_size=2, **SMALL)
    object.__setattr__(agent, "env_kwargs", {"corpus": NASTY, "reward": NASTY})
    agent.save(tmp_path / "a")
    agent.write_card(tmp_path / "a", {NASTY: [ResultRow(NASTY, NASTY, "", "")]}, NASTY)
    head, page = front(tmp_path / "a")
    assert "license" not in head
    outside = re.sub(r"^(`{3,})\w+\n.*?\n\1$", "", page, flags=re.DOTALL | re.MULTILINE)
    spans = re.sub(r"`[^`\n]*`", "", outside)
    assert "<script>" not in spans
    assert not re.search(r"^# Heading|^---$|^license", spans, flags=re.MULTILINE)
    (row,) = (line for line in page.splitlines() if line.startswith("| x"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 5


@pytest.mark.parametrize("text", ["", "`", "``` ````", "a\n```\nb"])
def test_a_fence_is_longer_than_what_it_holds(text: str) -> None:
    from agents.trainer.card import _fenced

    first, *_, last = _fenced(text, "sh").splitlines()
    assert first == last + "sh"
    assert last not in text
