"""Samples: a few episodes of every update, token by token, for whoever wants to see what was rewarded and why.

A line of ``samples.jsonl`` is an update: whole groups as far as there is room, each action with its tokens, and for
every token what the update knew of it. What is written is bounded, however long episodes are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers.decoders import DecodeStream

from agents.trainer.callbacks import LineWriter
from agents.trainer.scoring import score_batch
from agents.trajectory import FloatArray, IntArray, TokenBatch, Trajectory, action_places
from textenvs.rewards.exploits import signs

if TYPE_CHECKING:
    from agents.policies.causal_lm import CausalLMPolicy
    from agents.trainer.agent import Agent
    from agents.trainer.update import UpdateState

EPISODES = 8
"""Most episodes of an update."""
TOKENS = 3000
"""Most sampled tokens of an update; what is beyond is counted and left out."""
CHARACTERS = 4000
"""Most characters of a message."""
DIGITS = 3
"""Significant digits of a number."""

QUANTITIES = ("advantage", "logprob", "ratio", "kl", "entropy", "value", "trained")
"""What is known of a token: its advantage; its log-probability under the policy that the update began with; its
probability after the update over that before; log(policy / reference); the entropy of the distribution that it was
drawn from; the critic's value before it; whether it gave a loss. What a run does not have is left out."""


class SampleWriter(LineWriter):
    """Writes a few episodes of every update.

    Args:
        path: of the file; its folder is made if absent.
        episodes: of an update at most.
        tokens: of an update at most.
    """

    def __init__(self, path: Path, episodes: int = EPISODES, tokens: int = TOKENS) -> None:
        super().__init__(path)
        self._episodes = episodes
        self._tokens = tokens

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        """Write one line; none if the update was made before the run was resumed."""
        work = agent.trainer.finished
        if work is None or not len(work.batch):
            return
        chosen = choose(work.batch, self._episodes, (agent.settings.seed, int(metrics["update"])))
        tokens = SampledTokens.of(agent.policy, work, chosen, agent.settings.microbatch_tokens)
        left, episodes = self._tokens, []
        for place in chosen:
            if left > 0:
                episodes.append(_episode(work.batch.trajectories[place], tokens, place, left))
                left -= work.batch.trajectories[place].action_tokens
        self.write({"update": int(metrics["update"]), "episodes": episodes})


def choose(batch: TokenBatch, most: int, seed: Sequence[int]) -> list[int]:
    """Return which trajectories of a batch are shown: groups drawn at random, so that members stand side by side.

    Args:
        batch: of one update.
        most: how many trajectories.
        seed: of the draw; training's own chance is not touched.
    """
    groups = np.random.default_rng(seed).permutation(np.unique(batch.group_ids))
    return [int(place) for group in groups for place in np.flatnonzero(batch.group_ids == group)][:most]


@dataclass(frozen=True)
class SampledTokens:
    """The tokens of some episodes of a batch.

    Attributes:
        episode: [N] the trajectory of each token, in the whole batch.
        turn: [N] its turn.
        pieces: [N] its text.
        numbers: each of `QUANTITIES` that is known, [N].
    """

    episode: IntArray
    turn: IntArray
    pieces: list[str]
    numbers: Mapping[str, FloatArray]

    @classmethod
    def of(cls, policy: CausalLMPolicy, work: UpdateState, chosen: Sequence[int], budget: int) -> SampledTokens:
        """Gather what an update knew of the chosen episodes, and ask the updated policy about them once more.

        Args:
            policy: after the update.
            work: the update.
            chosen: trajectories of its batch.
            budget: the most padded tokens in a micro-batch.
        """
        batch, credit = work.batch, work.credit
        here = np.concatenate([np.flatnonzero(batch.trajectory_index == place) for place in chosen])
        again = TokenBatch.of([batch.trajectories[place] for place in chosen])
        now = score_batch(policy, again, budget, critic=False, reference=False).old_logprobs
        old = batch.old_logprobs[here]
        known = {
            "advantage": np.where(credit.mask, credit.advantages, np.nan)[here],
            "logprob": old,
            "ratio": np.exp(now - old),
            "kl": old - batch.ref_logprobs[here],
            "entropy": batch.entropy[here],
            "value": batch.values[here],
            "trained": credit.mask[here].astype(np.float32),
        }
        return cls(
            episode=batch.trajectory_index[here],
            turn=batch.turn_index[here],
            pieces=_pieces(policy, batch, here),
            numbers={name: values for name, values in known.items() if np.isfinite(values).any()},
        )

    def turn_record(self, episode: int, turn: int, limit: int) -> dict[str, Any]:
        """Return one action's tokens and numbers for JSON, the first `limit` of them."""
        places = np.flatnonzero((self.episode == episode) & (self.turn == turn))
        shown = places[: max(limit, 0)]
        return {
            "tokens": [self.pieces[place] for place in shown],
            "numbers": {
                name: [short(float(values[place])) for place in shown] for name, values in self.numbers.items()
            },
            "left_out": len(places) - len(shown),
        }


def _pieces(policy: CausalLMPolicy, batch: TokenBatch, tokens: IntArray) -> list[str]:
    """Return the text of each of these tokens, every turn decoded for itself."""
    ends = np.flatnonzero(batch.turn_end[tokens]) + 1
    return [piece for turn in np.split(batch.token_ids[tokens], ends) for piece in token_texts(policy, turn)]


def token_texts(policy: CausalLMPolicy, token_ids: IntArray) -> list[str]:
    """Return the text that each token adds; "" where its character is completed by a later one."""
    stream, tokenizer = DecodeStream(skip_special_tokens=False), policy.chat.tokenizer.backend_tokenizer
    return [stream.step(tokenizer, token) or "" for token in token_ids.tolist()]


def short(value: float) -> float | None:
    """Return a number with few digits, as JSON holds it; None where it is not finite."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _episode(trajectory: Trajectory, tokens: SampledTokens, place: int, limit: int) -> dict[str, Any]:
    """Return one episode for JSON, with its first `limit` tokens."""
    said = action_places(trajectory.messages, len(trajectory.turns))
    turns: list[dict[str, Any]] = []
    for number, (at, turn) in enumerate(zip(said, trajectory.turns, strict=False)):
        record = tokens.turn_record(place, number, limit)
        limit -= len(record["tokens"])
        turns.append(
            {
                "reward": short(turn.reward) if turn.valid else None,
                "parts": {name: short(value) for name, value in turn.parts.items()},
                "finish_reason": turn.finish_reason,
                "invalid_action": turn.invalid_action,
                "signs": signs(trajectory.messages[at]["content"], trajectory.messages[:at]),
                **record,
            }
        )
    return {
        "task_id": trajectory.task_id,
        "group": trajectory.group_id,
        "success": short(trajectory.success),
        "return": short(trajectory.episode_return) if trajectory.valid else None,
        "stop": str(trajectory.stop),
        "messages": [{"role": m["role"], "content": _bounded(m["content"])} for m in trajectory.messages],
        "turns": turns,
    }


def _bounded(text: str) -> str:
    left_out = len(text) - CHARACTERS
    return text if left_out <= 0 else f"{text[:CHARACTERS]} … ({left_out} characters left out)"
