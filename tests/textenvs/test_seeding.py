"""One item is one seed sequence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textenvs.errors import UnknownNameError
from textenvs.seeding import SPLITS, check_split, draw_index, item_generator


@given(st.integers(0, 2**62 - 1), st.sampled_from(SPLITS))
def test_the_same_name_gives_the_same_stream(index: int, split: str) -> None:
    one, two = item_generator("env", split, index), item_generator("env", split, index)  # type: ignore[arg-type]
    assert one.integers(1 << 62, size=4).tolist() == two.integers(1 << 62, size=4).tolist()


def test_streams_of_neighbours_splits_and_environments_share_nothing() -> None:
    streams = {
        tuple(item_generator(env, split, index).integers(1 << 62, size=2).tolist())
        for env in ("a", "b")
        for split in SPLITS
        for index in range(500)
    }
    assert len(streams) == 2 * 3 * 500


def test_stream_is_pinned() -> None:
    """The first draws of one item, written down: a change here changes every published item."""
    assert item_generator("env", "train", 0).integers(1000, size=4).tolist() == PINNED


PINNED = [7, 54, 518, 726]


def test_seeds_draw_disjoint_items() -> None:
    one, two = np.random.default_rng(1), np.random.default_rng(2)
    first, second = {draw_index(one) for _ in range(10_000)}, {draw_index(two) for _ in range(10_000)}
    assert len(first) == len(second) == 10_000
    assert not first & second


def test_unknown_split() -> None:
    with pytest.raises(UnknownNameError, match="valid"):
        check_split("vaild")
