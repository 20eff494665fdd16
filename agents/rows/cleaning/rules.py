"""The rules, each of which says of a row what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from agents.rows.cleaning.config import CleaningConfig
from agents.rows.cleaning.entry import Entry, key
from agents.rows.cleaning.languages import UNDECIDED, check_languages, language_of
from agents.rows.cleaning.scratch import scratch
from agents.rows.files import form_of


class Rule(Protocol):
    """A reason to set rows aside.

    Attributes:
        reason: in a few words, the same for every row.
    """

    reason: str

    def problem(self, entry: Entry) -> str:
        """Return what is wrong with a row; ``""`` if nothing is.

        A row that passes this rule may still fail a later one; what a rule learns of kept rows, `keep` tells it.
        """
        ...

    def keep(self, entry: Entry) -> None:
        """Hear of a row that has passed every rule."""
        ...


class Length:
    """Answers and rows within bounds.

    Args:
        config: says which.
    """

    reason = "length"

    def __init__(self, config: CleaningConfig) -> None:
        self._config = config

    def problem(self, entry: Entry) -> str:
        """Measure the answers and the row, in characters."""
        config = self._config
        for size in (len(answer.strip()) for answer in entry.answers):
            if size < config.shortest_answer:
                return f"an answer of {size} characters; at least {config.shortest_answer}"
            if config.longest_answer is not None and size > config.longest_answer:
                return f"an answer of {size} characters; at most {config.longest_answer}"
        if config.longest_row is not None and len(entry.text) > config.longest_row:
            return f"a row of {len(entry.text)} characters; at most {config.longest_row}"
        return ""

    def keep(self, entry: Entry) -> None:
        """Learn nothing."""


class Language:
    """Rows in chosen languages; one too short to tell stays.

    Args:
        languages: ISO 639-1 codes.

    Raises:
        UnknownNameError: if there is no such language.

    Attributes:
        undecided: rows that were too short to tell.
    """

    reason = "language"

    def __init__(self, languages: Iterable[str]) -> None:
        self._languages = tuple(languages)
        check_languages(self._languages)
        self.undecided = 0

    def problem(self, entry: Entry) -> str:
        """Look at everything that is said in the row."""
        found = language_of(entry.text)
        self.undecided += found == UNDECIDED
        if found in (*self._languages, UNDECIDED):
            return ""
        return f"{found}, not {' or '.join(self._languages)}"

    def keep(self, entry: Entry) -> None:
        """Learn nothing."""


class Contradiction:
    """Rows that more than one answer, or label, is given to, without a majority for theirs.

    Args:
        entries: all rows.
        labels_only: whether different answers to one prompt are no contradiction.
    """

    reason = "contradiction"

    def __init__(self, entries: Iterable[Entry], labels_only: bool) -> None:
        self._labels_only = labels_only
        self._said = scratch("said (question INTEGER, answer INTEGER, n INTEGER, PRIMARY KEY (question, answer))")
        count = "INSERT INTO said VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1"
        self._said.executemany(count, (_keys(entry) for entry in entries if self._concerns(entry)))

    def problem(self, entry: Entry) -> str:
        """Count who says otherwise."""
        if not self._concerns(entry):
            return ""
        question, answer = _keys(entry)
        said = dict(self._said.execute("SELECT answer, n FROM said WHERE question = ?", (question,)))
        agreeing, everyone = said[answer], sum(said.values())
        if 2 * agreeing > everyone:
            return ""
        return f"{everyone - agreeing} of {everyone} rows with this question say otherwise"

    def keep(self, entry: Entry) -> None:
        """Learn nothing: all rows were heard before."""

    def _concerns(self, entry: Entry) -> bool:
        return not (self._labels_only and form_of(entry.row) == "messages")


class Overlap:
    """Rows that answer what a policy will be measured on.

    Args:
        held_out: keys of the questions, by `opening_key`.
    """

    reason = "overlap with held-out items"

    def __init__(self, held_out: Iterable[int]) -> None:
        self._held_out = frozenset(held_out)

    def problem(self, entry: Entry) -> str:
        """Look at the question of every turn."""
        return "it answers a held-out question" if not self._held_out.isdisjoint(entry.openings) else ""

    def keep(self, entry: Entry) -> None:
        """Learn nothing."""


class Duplicate:
    """Rows that say what an earlier one has said."""

    reason = "duplicate"

    def __init__(self) -> None:
        self._seen = scratch("seen (identity INTEGER PRIMARY KEY, place TEXT)")

    def problem(self, entry: Entry) -> str:
        """Look for an earlier row that teaches the same."""
        first = self._seen.execute("SELECT place FROM seen WHERE identity = ?", (entry.identity,)).fetchone()
        return f"the same as {first[0]}" if first else ""

    def keep(self, entry: Entry) -> None:
        """Remember the row."""
        self._seen.execute("INSERT INTO seen VALUES (?, ?)", (entry.identity, entry.place))


def _keys(entry: Entry) -> tuple[int, int]:
    """Return what a row asks and what it answers, as keys."""
    question, answer = entry.question
    return question, key(answer)
