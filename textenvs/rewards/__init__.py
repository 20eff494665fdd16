"""What a turn is worth: the protocol, how rewards compose, how one is built from a name."""

from textenvs.rewards.core import Gate, Product, Reward, RewardFunction, Score, Scored, WeightedSum
from textenvs.rewards.spec import RewardSpec, build_reward

__all__ = [
    "Gate",
    "Product",
    "Reward",
    "RewardFunction",
    "RewardSpec",
    "Score",
    "Scored",
    "WeightedSum",
    "build_reward",
]
