"""The rules, one file for each topic. A rule is a function with a sentence; the registry is read off the files."""

from __future__ import annotations

from textenvs.checker.rule import Rule
from textenvs.checker.rules import construction, determinism, infos, items, rewards, robustness, turns

RULES: tuple[Rule, ...] = tuple(
    value
    for topic in (construction, determinism, items, turns, rewards, infos, robustness)
    for value in vars(topic).values()
    if isinstance(value, Rule)
)
"""Every rule, in the order in which they are examined."""

__all__ = ["RULES"]
