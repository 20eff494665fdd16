"""A reward is any function of a turn. Alone, or fused by name with the environment's own parts."""

import gymnasium as gym

import textenvs
from textenvs.rewards import Gate, Product


def brief(turn: textenvs.Turn) -> float:
    """1 for a rewrite at most twice as long as the reference, falling to 0."""
    return min(1.0, 2 * len(turn.truth.gold) / max(len(turn.answer), 1))


def polite(turn: textenvs.Turn) -> float:
    """1 where the rewrite says please."""
    return float("please" in turn.answer.lower() or "请" in turn.answer)


rewards = {
    "a function": brief,
    "weights by name": {"coreference": 0.4, "consistency": 0.6},
    "a product": Product({"brief": brief, "polite": polite}),
    "a gate": Gate(condition=brief, reward=polite, threshold=0.9),
}
for name, reward in rewards.items():
    env = gym.make("MultiTurnRewrite-v0", language="en", reward=reward)
    env.reset(options={"index": 3})
    _, value, _, _, info = env.step(env.unwrapped.oracle_action())
    print(f"{name:<16} {value:6.2f}  {info['reward_parts']}")
