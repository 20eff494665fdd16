"""Readers of the corpora that come as tables: REWRITE and CANARD. See `formats` for what they look like."""

from __future__ import annotations

from collections.abc import Iterator

from textenvs.corpus_file import Problem, numbered_lines
from textenvs.envs.rewrite.corpora.records import Conversation, CorpusTurn


def read_rewrite(text: str, name: str) -> Iterator[Conversation | Problem]:
    """Read REWRITE: each line is a conversation of one scored turn."""
    for number, line in numbered_lines(text):
        columns = [column.strip() for column in line.split("\t\t")]
        if len(columns) != 4:
            yield Problem(number, f"expected 4 columns separated by two tabs, found {len(columns)}")
        elif not all((columns[0], columns[2], columns[3])):
            yield Problem(number, "the first turn, the utterance or the rewrite is empty")
        else:
            first, second, utterance, rewrite = columns
            turns = (CorpusTurn(first, (), second), CorpusTurn(utterance, (rewrite,)))
            yield Conversation("zh", turns, f"{name}:{number}")


def read_canard(text: str, name: str) -> Iterator[Conversation | Problem]:
    """Read CANARD: lines that continue the one before are joined into a conversation."""
    begun: list[
        str
    ] = []  # the columns that the next line of the same conversation begins with, but for the last answer
    turns: list[CorpusTurn] = []
    start = 0
    for number, line in numbered_lines(text):
        columns = [column.strip() for column in line.split("\t")]
        problem = _canard_problem(columns)
        if problem:
            yield Problem(number, problem)
            continue
        *past, question, rewrite = columns
        if begun and past[:-1] == begun:
            turns[-1] = CorpusTurn(turns[-1].utterance, turns[-1].rewrites, past[-1])
        else:
            if turns:
                yield Conversation("en", tuple(turns), f"{name}:{start}", _topic(begun))
            turns = [CorpusTurn(q, (), a) for q, a in zip(past[2::2], past[3::2], strict=True)]
            start = number
        turns.append(CorpusTurn(question, (rewrite,)))
        begun = [*past, question]
    if turns:
        yield Conversation("en", tuple(turns), f"{name}:{start}", _topic(begun))


def _canard_problem(columns: list[str]) -> str:
    if len(columns) < 4 or len(columns) % 2:
        return (
            f"expected title, section, questions with answers, question, rewrite: an even number; found {len(columns)}"
        )
    return "" if all(columns[2:]) else f"column {columns.index('', 2) + 1} is empty"


def _topic(columns: list[str]) -> str:
    return ": ".join(filter(None, columns[:2]))
