"""Several rewards fused: by weights, as a product, behind a gate, one before the other, and at the end only."""

import gymnasium as gym

import textenvs  # noqa: F401 (registers the ids)
from textenvs.messages import Turn
from textenvs.rewards import Delayed, Gate, LengthPenalty, Lexicographic, Product, WeightedSum


def one_line(turn: Turn) -> float:
    """Return 1 for an answer on one line."""
    return float("\n" not in turn.answer)


def names_the_goal(turn: Turn) -> float:
    """Return 1 for the reference itself."""
    return float(turn.answer == turn.truth.gold)


def solved(turn: Turn) -> float:
    """Return 1 for an episode that succeeded."""
    return turn.success


graded = WeightedSum(
    {
        "answer": Lexicographic({"form": one_line, "right": names_the_goal}),
        "length": LengthPenalty(limit=30),
        "solved": Delayed(solved),
    },
    {"answer": 1.0, "length": 0.2, "solved": 2.0},
)
print(graded)

rewards = {
    "the environment's own parts": {"coreference": 0.4, "consistency": 0.6},
    "a product": Product({"form": one_line, "right": names_the_goal}),
    "a gate": Gate(condition=one_line, reward=names_the_goal, threshold=0.5),
    "a sum with a part at the end": graded,
}
for name, reward in rewards.items():
    env = gym.make("MultiTurnRewrite-v0", language="en", difficulty="easy", reward=reward)
    env.reset(seed=1)
    ended = False
    while not ended:
        _, value, ended, _, info = env.step(env.unwrapped.oracle_action())
        parts = {part: round(worth, 2) for part, worth in info["reward_parts"].items()}
        print(f"{name:<28} {value:.2f} {parts}")
