"""What a turn is worth: the protocol, how rewards compose, how one is built from a name."""

from textenvs.rewards.charges import LengthPenalty, Repetition
from textenvs.rewards.core import Reward, RewardFunction, Score, Scored
from textenvs.rewards.fusion import Gate, Product, WeightedSum
from textenvs.rewards.modules import Clip, Delayed, Lexicographic, Normalize, Schedule
from textenvs.rewards.retrieval import Retrieval
from textenvs.rewards.retry import Retry
from textenvs.rewards.spec import RewardSpec, build_reward

__all__ = [
    "Clip",
    "Delayed",
    "Gate",
    "LengthPenalty",
    "Lexicographic",
    "Normalize",
    "Product",
    "Repetition",
    "Retrieval",
    "Retry",
    "Reward",
    "RewardFunction",
    "RewardSpec",
    "Schedule",
    "Score",
    "Scored",
    "WeightedSum",
    "build_reward",
]
