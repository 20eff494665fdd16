"""The words of users and agents, in two languages."""

from textenvs.envs.dialogue.wording.chinese import CHINESE
from textenvs.envs.dialogue.wording.english import ENGLISH
from textenvs.envs.dialogue.wording.tables import AgentWords, Cues, UserWords, Words

__all__ = ["CHINESE", "ENGLISH", "WORDS", "AgentWords", "Cues", "UserWords", "Words"]

WORDS = {"en": ENGLISH, "zh": CHINESE}
"""The tables of each language."""
