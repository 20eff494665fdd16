"""A reward is any function of a turn; whatever goes by the name of the reward takes it."""

import gymnasium as gym

import textenvs


def brief(turn: textenvs.Turn) -> float:
    """1 for a rewrite at most twice as long as the reference, falling to 0."""
    return min(1.0, 2 * len(turn.truth.gold) / max(len(turn.answer), 1))


env = gym.make("MultiTurnRewrite-v0", language="en", reward=brief)
env.reset(seed=3)
_, value, _, _, info = env.step(env.unwrapped.oracle_action())
print(f"{value:.2f}", info["reward_parts"])
