"""Spaces that hold any text."""

from __future__ import annotations

import pickle

import pytest
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate
from hypothesis import given
from hypothesis import strategies as st

from textenvs import Conversation, Message, UnicodeText
from textenvs.errors import ConfigError
from textenvs.spaces import observation_space


@given(st.text())
def test_every_string_is_text(text: str) -> None:
    assert text in UnicodeText()


def test_text_bounds_and_types() -> None:
    assert "abc" not in UnicodeText(2)
    assert b"abc" not in UnicodeText()
    assert UnicodeText(2) == UnicodeText(2) != UnicodeText(3)
    with pytest.raises(ConfigError, match="max_length"):
        UnicodeText(-1)
    with pytest.raises(NotImplementedError):
        UnicodeText().sample(mask=1)


@pytest.mark.parametrize("space", [UnicodeText(), UnicodeText(3), Conversation(), observation_space()])
def test_samples_are_members_and_repeat_with_the_seed(space: object) -> None:
    space.seed(3)  # type: ignore[attr-defined]
    first = [space.sample() for _ in range(50)]  # type: ignore[attr-defined]
    assert all(sample in space for sample in first)  # type: ignore[operator]
    space.seed(3)  # type: ignore[attr-defined]
    assert [space.sample() for _ in range(50)] == first  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(space)) == space  # noqa: S301 (our own bytes)


def test_conversation_members() -> None:
    good = {"role": "user", "content": "hi", "name": "", "call_id": ""}
    assert (good,) in Conversation()
    assert (Message("tool", "1", "add", "c1"),) in Conversation()
    assert [good] not in Conversation()
    assert ({**good, "role": "king"},) not in Conversation()
    assert ({"role": "user", "content": "hi"},) not in Conversation()
    assert ({**good, "content": None},) not in Conversation()
    assert "hi" not in Conversation()


def test_conversations_survive_json() -> None:
    space = Conversation(seed=1)
    samples = [space.sample() for _ in range(10)]
    assert space.from_jsonable(space.to_jsonable(samples)) == samples


def test_observations_batch_for_vector_environments() -> None:
    space = observation_space()
    space.seed(1)
    items = [space.sample() for _ in range(3)]
    batch = concatenate(space, items, create_empty_array(space, 3))
    assert batch in batch_space(space, 3)
    assert [dict(item) for item in iterate(batch_space(space, 3), batch)] == [dict(item) for item in items]
