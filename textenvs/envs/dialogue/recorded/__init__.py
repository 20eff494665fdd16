"""Recorded conversations, in which the decision to ask or to answer has a label."""

from textenvs.envs.dialogue.recorded.decisions import Decisions, DecisionTruth, Record
from textenvs.envs.dialogue.recorded.menu import DecisionMenu
from textenvs.envs.dialogue.recorded.pacific import load_pacific
from textenvs.envs.dialogue.recorded.source import RecordedSource

__all__ = ["DecisionMenu", "DecisionTruth", "Decisions", "Record", "RecordedSource", "load_pacific"]
