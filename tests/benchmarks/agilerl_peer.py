"""AgileRL's GRPO on a workload, as a program of its own: it needs other versions than the rest, see `agilerl`.

``python agilerl_peer.py FOLDER``: model, tokenizer and ``work.json`` lie in the folder. Every line that is read from
standard input asks for one step; its answer is a line with the processor's seconds of rollout and update. It imports
nothing of this project.

AgileRL trains adapters only. What is one turn is generated as AgileRL groups it, a prompt with all its answers at a
time; several turns go through its harness and its collector, an episode at a time. It is spared what it need not do
here: no reference, no gradient checkpointing, all episodes in one forward pass.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from agilerl.algorithms.core import base
from agilerl.algorithms.grpo import GRPO
from agilerl.llm_envs.collector import RolloutCollector
from agilerl.llm_envs.harness import RolloutHarness
from agilerl.rollouts.on_policy import collate_llm_rollouts, collect_rollouts_llm
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging


class Digits:
    """So many turns, whatever is said; all text is digits, each of them one token.

    Args:
        work: lengths of what is read, without the template's marks, and the number of turns.
    """

    def __init__(self, work: dict[str, int]) -> None:
        self.work = work
        self.turn = 0
        self.random = np.random.default_rng(0)

    def reset(self, seed: int | None = None, **rest: Any) -> tuple[str, dict[str, Any]]:
        """Begin."""
        self.turn, self.random = 0, np.random.default_rng(seed)
        return self._say(self.work["prompt_text"]), {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Hear a turn, and answer."""
        self.turn += 1
        over = self.turn == self.work["turns"]
        return "" if over else self._say(self.work["reply_text"]), vowels(action), over, False, {}

    def _say(self, count: int) -> str:
        return "".join(map(str, self.random.integers(10, size=count)))


def vowels(text: str) -> float:
    """Return a reward that differs within a group and costs nothing."""
    return (text.count("a") + text.count("e")) / max(1, len(text))


class Peer:
    """One contender.

    Args:
        folder: of the model and the work.
    """

    def __init__(self, folder: Path) -> None:
        self.work: dict[str, int] = json.loads((folder / "work.json").read_text(encoding="utf-8"))
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        rank = self.work["lora_rank"]
        lora = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        self.agent = GRPO(
            pad_token_id=self.tokenizer.pad_token_id,
            pad_token=self.tokenizer.pad_token,
            actor_network=AutoModelForCausalLM.from_pretrained(folder),
            lora_config=lora,
            batch_size=self.work["groups"],
            group_size=self.work["size"],
            beta=0.0,
            lr=1e-6,
            max_grad_norm=1.0,
            temperature=1.0,
            top_k=0,
            max_output_tokens=self.work["written"],
            max_model_len=self.work["length"] + self.work["written"],
            gradient_checkpointing=False,
            use_liger_loss=False,
            use_separate_reference_adapter=False,
            device="cpu",
        )
        self.steps = 0
        harness = {"max_turns": self.work["turns"], "max_model_len": self.work["length"] + self.work["written"]}
        self.collector = RolloutCollector(
            lambda **rest: RolloutHarness.local(Digits(self.work), self.tokenizer, **harness, **rest),
            self.work["groups"],
            self.work["size"],
        )

    def step(self) -> tuple[float, float]:
        """Return the seconds of a rollout and of an update."""
        start = time.process_time()
        experiences, turn_ids = self._grouped() if self.work["turns"] == 1 else self._episodes()
        played = time.process_time()
        self._check(experiences[0])
        begin = time.process_time()
        self.agent.learn(experiences, turn_ids=turn_ids)
        self.steps += 1
        return played - start, time.process_time() - begin

    def _grouped(self) -> tuple[tuple[Any, Any, Any], None]:
        """Generate the answers to each prompt together."""
        worlds = [Digits(self.work) for _ in range(self.work["groups"])]
        prompts = []
        for number, world in enumerate(worlds):
            text, _ = world.reset(seed=self.steps * len(worlds) + number)
            rendered = self.tokenizer.apply_chat_template(
                [{"role": "user", "content": text}], add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
            prompts.append(dict(rendered))
        played = self.agent.get_action(prompts, training=True)
        texts = [self.tokenizer.decode(row[self.work["prompt"] :]) for group in played.token_ids for row in group]
        rewards = torch.tensor([vowels(text) for text in texts])
        return (played.token_ids, played.action_masks, rewards), None

    def _episodes(self) -> tuple[tuple[Any, Any, Any], Any]:
        """Play episodes turn by turn."""
        seed = 1 + self.steps * self.work["groups"]
        collected = collect_rollouts_llm(
            agent=self.agent,
            env=self.collector,
            n_steps=self.work["turns"],
            batch_size=self.work["groups"],
            group_seed=seed,
        )
        ids, masks, turn_ids, rewards, _, _, logprobs, _ = collected
        batch = collate_llm_rollouts(ids, masks, turn_ids, rewards, logprobs, group_size=self.work["size"])
        return batch.experiences(), batch.turn_ids

    def _check(self, rows: list[torch.Tensor]) -> None:
        """Refuse to measure work of another size."""
        shapes = {tuple(row.shape) for row in rows}
        expected = self.work["size"] if self.work["turns"] == 1 else 1
        if shapes != {(expected, self.work["length"])}:
            raise SystemExit(f"episodes of shapes {shapes}; the work says {expected} x {self.work['length']}")


def main() -> None:
    """Answer until nobody asks."""
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    base.HAS_LIGER_KERNEL = False  # AgileRL insists on Liger's being there, whose kernels insist on a GPU
    peer = Peer(Path(sys.argv[1]))
    for _ in sys.stdin:
        print("step " + json.dumps(peer.step()), flush=True)


if __name__ == "__main__":
    main()
