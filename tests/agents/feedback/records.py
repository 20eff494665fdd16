"""Impressions and events that the tests send."""

from __future__ import annotations

import time
from typing import Any

from agents.feedback.events import EVENTS, Candidate, Event, Impression
from textenvs.messages import Message

NOW = time.time()

EXTRAS: dict[str, dict[str, Any]] = {
    "click": {"position": 1},
    "favourite": {},
    "complaint": {"text": "答非所问"},
    "thumb": {"up": False},
    "rating": {"score": 0.75, "part": "fluency"},
    "ranking": {"order": [1, 0]},
    "correction": {"text": "北京明天的天气怎么样?"},
    "re_ask": {"text": "I said tomorrow"},
    "abandon": {},
}
"""What each kind of event has beside the common fields."""


def shown(
    name: str = "i0", answers: tuple[str, ...] = ("a", "b"), version: str = "v1", user: str = "u0", at: float = NOW
) -> Impression:
    """An impression that shows these answers, each with certainty."""
    said = (Message("system", "Rewrite."), Message("user", "那上海呢?"))
    candidates = tuple(Candidate(text=text, propensity=1.0) for text in answers)
    return Impression(id=name, time=at, policy_version=version, conversation=said, candidates=candidates, user_id=user)


def event(kind: str, name: str = "e0", of: str = "i0", **fields: Any) -> Event:
    """An event of a kind, with the fields that it needs."""
    base = {"kind": kind, "id": name, "time": NOW, "impression_id": of}
    return EVENTS.validate_python({**base, **EXTRAS[kind], **fields})
