"""Events and impressions: every kind has its fields, and what is wrong is said by the field's name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from agents.feedback.events import EVENTS, IMPRESSIONS, KINDS
from agents.feedback.refusals import LONGEST, STATUS, Reason, explain
from tests.agents.feedback.records import EXTRAS, NOW, event, shown


def refused(adapter: TypeAdapter[Any], record: object) -> str:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(record)
    refusal = explain(caught.value)
    assert refusal.reason is Reason.MALFORMED
    return refusal.detail


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_survives_json_and_is_frozen(kind: str) -> None:
    made = event(kind)
    assert EVENTS.validate_json(made.model_dump_json()) == made
    assert EVENTS.validate_python(json.loads(made.model_dump_json())) == made
    with pytest.raises(ValidationError):
        made.time = 0.0
    assert all(position in (0, 1) for position in made.positions)


def test_an_impression_survives_json() -> None:
    made = shown()
    assert IMPRESSIONS.validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "wink"}, "kind"),
        ({"kind": None}, "kind"),
        ({"id": "two words"}, "id"),
        ({"id": "x" * 129}, "id"),
        ({"id": 7}, "id"),
        ({"time": "2026"}, "time"),
        ({"time": float("nan")}, "time"),
        ({"time": float("inf")}, "time"),
        ({"time": -1}, "time"),
        ({"impression_id": ""}, "impression_id"),
        ({"position": True}, "position"),
        ({"position": -1}, "position"),
        ({"position": "1"}, "position"),
        ({"position": 64}, "position"),
        ({"position": 0.5}, "position"),
        ({"surprise": 1}, "surprise"),
        ({"kind": "thumb", "up": 1, "position": 0}, "up"),
        ({"kind": "rating", "score": 5}, "score"),
        ({"kind": "rating", "score": "1"}, "score"),
        ({"kind": "correction", "text": ""}, "text"),
    ],
)
def test_a_fault_is_said_by_its_field(change: dict[str, Any], field: str) -> None:
    record = {"kind": "click", "id": "e", "time": NOW, "impression_id": "i", "position": 0, **change}
    assert refused(EVENTS, record).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"candidates": []}, "candidates"),
        ({"candidates": [{"text": "a", "propensity": 0}]}, "candidates.0.propensity"),
        ({"candidates": [{"text": "a", "propensity": 1.1}]}, "candidates.0.propensity"),
        ({"candidates": [{"text": "a"}]}, "candidates.0.propensity"),
        ({"conversation": [{"role": "user"}]}, "conversation.0.content"),
        ({"conversation": [{"role": "king", "content": ""}]}, "conversation"),
        ({"policy_version": "a b"}, "policy_version"),
        ({"tools": [{}]}, "tools.0"),
    ],
)
def test_a_fault_of_an_impression_is_said_by_its_field(change: dict[str, Any], field: str) -> None:
    assert refused(IMPRESSIONS, {**json.loads(shown().model_dump_json()), **change}).startswith(f"{field}: ")


def test_rankings_name_each_candidate_once() -> None:
    base = {"kind": "ranking", "id": "e", "time": NOW, "impression_id": "i"}
    assert refused(EVENTS, {**base, "order": [0, 1, 0]}) == "order: names a candidate twice"
    assert refused(EVENTS, {**base, "order": [0]}).startswith("order: ")


def test_an_explanation_is_short_however_long_the_record() -> None:
    detail = refused(EVENTS, {"kind": "x" * 100_000})
    assert len(detail) < LONGEST + 50
    assert refused(EVENTS, []).startswith("the record: ")


def test_every_reason_has_a_status_and_every_kind_its_test() -> None:
    assert set(STATUS) == set(Reason)
    assert set(EXTRAS) == set(KINDS)
