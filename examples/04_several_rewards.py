"""Several rewards fused: the form first, then the content; a charge for length; the whole conversation at the end."""

import gymnasium as gym

import textenvs  # noqa: F401 (registers the ids)
from textenvs.messages import Turn
from textenvs.rewards import Delayed, LengthPenalty, Lexicographic, WeightedSum


def one_line(turn: Turn) -> float:
    """Return 1 for an answer on one line."""
    return float("\n" not in turn.answer)


def names_the_goal(turn: Turn) -> float:
    """Return 1 for the reference itself."""
    return float(turn.answer == turn.truth.gold)


def solved(turn: Turn) -> float:
    """Return 1 for an episode that succeeded."""
    return turn.success


reward = WeightedSum(
    {
        "answer": Lexicographic({"form": one_line, "right": names_the_goal}),
        "length": LengthPenalty(limit=30),
        "solved": Delayed(solved),
    },
    {"answer": 1.0, "length": 0.2, "solved": 2.0},
)
print(reward)

env = gym.make("MultiTurnRewrite-v0", language="en", difficulty="easy", reward=reward)
env.reset(seed=1)
ended = False
while not ended:
    _, value, ended, _, info = env.step(env.unwrapped.oracle_action())
    parts = {name: round(part, 2) for name, part in info["reward_parts"].items()}
    print(f"{value:.2f}", parts)
