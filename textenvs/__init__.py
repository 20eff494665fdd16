"""Text environments that really are Gymnasium environments.

Importing this package registers every id of the catalogue: ``gymnasium.make("MultiTurnRewrite-v0")``.
"""

from envs_registry.catalog import register_all
from textenvs.core import Observation, Snapshot, TextEnv
from textenvs.episode import Episode, Outcome
from textenvs.errors import TextEnvsError, UsageError
from textenvs.messages import Message, Stop, ToolCall, Turn
from textenvs.rewards import Gate, Product, Reward, Score, WeightedSum
from textenvs.spaces import Conversation, UnicodeText

__all__ = [
    "Conversation",
    "Episode",
    "Gate",
    "Message",
    "Observation",
    "Outcome",
    "Product",
    "Reward",
    "Score",
    "Snapshot",
    "Stop",
    "TextEnv",
    "TextEnvsError",
    "ToolCall",
    "Turn",
    "UnicodeText",
    "UsageError",
    "WeightedSum",
]

__version__ = "0.1.0"

register_all()
