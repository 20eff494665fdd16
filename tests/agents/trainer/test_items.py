"""Which items are played."""

from __future__ import annotations

from agents.trainer.items import ItemSequence


def test_a_group_plays_one_item_and_groups_play_different_ones() -> None:
    requests = ItemSequence(seed=3).requests(update=2, groups=4, group_size=3)
    assert [r.group_id for r in requests] == [8, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 11]
    assert [r.member for r in requests] == [0, 1, 2] * 4
    assert len({r.index for r in requests}) == 4
    assert all(len({r.index for r in requests[i : i + 3]}) == 1 for i in range(0, 12, 3))
    assert requests == ItemSequence(seed=3).requests(2, 4, 3)
    assert requests != ItemSequence(seed=4).requests(2, 4, 3)


def test_environments_without_names_are_given_seeds() -> None:
    (request,) = ItemSequence(seed=0, named=False).requests(0, 1, 1)
    assert request.index is None
    assert request.seed == ItemSequence(seed=0).number(0)


def test_a_finite_corpus_is_drawn_once_per_pass() -> None:
    items = ItemSequence(seed=0, n_items=7)
    first, second = [items.number(i) for i in range(7)], [items.number(i) for i in range(7, 14)]
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second
