"""A store, and a queue of questions in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.feedback.labelling.queue import LabelQueue
from agents.feedback.labelling.tasks import Question
from agents.feedback.store import Store
from tests.agents.feedback.records import NOW
from textenvs.messages import Message


def question(number: int, *answers: str) -> Question:
    """A question with these answers, each of a policy of its own."""
    said = (Message("system", "Rewrite."), Message("user", f"问题 {number}: 那上海呢?"))
    return Question(said, (), {text: f"policy-{place}" for place, text in enumerate(answers or ("好", "坏"))})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "labels.db")
    yield opened
    opened.close()


@pytest.fixture
def queue(store: Store) -> LabelQueue:
    return LabelQueue(store, clock=lambda: NOW)  # of the events, however long ago the tests were collected
