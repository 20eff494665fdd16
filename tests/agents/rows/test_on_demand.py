from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rows.on_demand import Joined, Mapped

PARTS = st.lists(st.lists(st.integers(), max_size=4), max_size=4)
PLACES = st.one_of(st.none(), st.integers(-20, 20))


@given(PARTS, PLACES, PLACES, PLACES.filter(lambda step: step != 0))
def test_it_reads_as_the_list_of_its_items_would(
    parts: list[list[int]], start: int | None, stop: int | None, step: int | None
) -> None:
    plain = [2 * item for part in parts for item in part]
    lazy = Joined(Mapped(part, lambda item: 2 * item) for part in parts)
    cut = slice(start, stop, step)
    assert (len(lazy), list(lazy), lazy[cut]) == (len(plain), plain, plain[cut])
    for place in range(-len(plain), len(plain)):
        assert lazy[place] == plain[place]
    for place in (len(plain), -len(plain) - 1):
        with pytest.raises(IndexError):
            lazy[place]


def test_nothing_is_made_before_it_is_asked_for() -> None:
    made: list[int] = []
    lazy = Mapped([1, 2, 3], made.append)
    assert made == []
    assert lazy[1] is None
    assert made == [2]
