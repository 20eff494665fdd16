"""Which items are played."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents.algorithms.config import TrainConfig
from agents.algorithms.settings import Curriculum
from agents.trainer.curriculum import BandCurriculum
from agents.trainer.items import ItemDraws, ItemSequence
from agents.trajectory import Trajectory
from tests.agents.build import trajectory, turn


def draws(items: ItemSequence, groups: int, group_size: int, **settings: Any) -> ItemDraws:
    return ItemDraws(items, TrainConfig(n_episodes_per_update=groups * group_size, group_size=group_size, **settings))


def ended(success: float) -> Trajectory:
    return replace(trajectory([[0]], [turn(1.0)]), success=success)


def test_a_group_plays_one_item_and_groups_play_different_ones() -> None:
    supply = draws(ItemSequence(seed=3), 4, 3)
    supply.requests(8)
    requests = supply.requests(4)
    assert [r.group_id for r in requests] == [8, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 11]
    assert [r.member for r in requests] == [0, 1, 2] * 4
    assert len({r.index for r in requests}) == 4
    assert all(len({r.index for r in requests[i : i + 3]}) == 1 for i in range(0, 12, 3))


def test_draws_are_a_function_of_the_seed_and_the_count() -> None:
    one, two, other = (draws(ItemSequence(seed), 4, 3) for seed in (3, 3, 4))
    one.requests(5)
    two.restore(json.loads(json.dumps(one.state())))
    assert one.requests(4) == two.requests(4) != other.requests(4)


def test_environments_without_names_are_given_seeds() -> None:
    (request,) = draws(ItemSequence(seed=0, named=False), 1, 1).requests(1)
    assert request.index is None
    assert request.seed == ItemSequence(seed=0).number(0)


def test_a_finite_corpus_is_drawn_once_per_pass() -> None:
    items = ItemSequence(seed=0, n_items=7)
    first, second = items.numbers(0, 7), items.numbers(7, 7)
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second


def test_an_item_that_comes_twice_in_an_update_has_noise_of_its_own() -> None:
    supply = draws(ItemSequence(seed=0, n_items=2), 4, 3)
    requests = [*supply.requests(4), *supply.requests(2, round_number=1)]
    assert len({(r.index, r.member) for r in requests}) == len(requests)


@pytest.mark.parametrize("n_items", [None, 32])
def test_items_inside_the_band_are_drawn_more_often(n_items: int | None) -> None:
    """A quarter of the items lies inside the band and is six times likelier: two thirds of all draws."""
    items = ItemSequence(seed=0, n_items=n_items)
    supply = draws(items, 8, 1, curriculum=Curriculum(boost=6.0, low=0.2, high=0.8, pool=32))
    curriculum = supply.curriculum
    assert curriculum is not None
    taught = set(list(curriculum.pool)[:8])
    for place, item in enumerate(curriculum.pool):
        curriculum.observe(item, 0.5 if item in taught else float(place % 2))
    assert curriculum.in_band() == 0.25
    counts = np.mean([r.index in taught for _ in range(500) for r in supply.requests(1)])
    assert counts == pytest.approx(2 / 3, abs=0.06)


def test_the_running_success_moves_to_the_latest_groups() -> None:
    supply = draws(ItemSequence(seed=0, n_items=4), 2, 2, curriculum=Curriculum(boost=2.0, momentum=0.25))
    curriculum = supply.curriculum
    assert curriculum is not None
    requests, nan = supply.requests(2), float("nan")
    first, second = requests[0].item, requests[2].item
    supply.observe(list(zip(requests, map(ended, (1.0, 0.0, nan, nan)), strict=True)))
    assert curriculum.success == {first: 0.5}
    supply.observe(list(zip(requests, map(ended, (1.0, 1.0, 0.0, nan)), strict=True)))
    assert curriculum.success == {first: 0.625, second: 0.0}


def test_an_item_never_played_counts_as_inside_the_band() -> None:
    curriculum = BandCurriculum(Curriculum(boost=5.0, low=0.4, high=0.6), 0, range(3))
    curriculum.observe(1, 0.0)
    assert curriculum.weights().tolist() == [5.0, 1.0, 5.0]


def test_no_item_is_drawn_twice_unless_there_are_fewer() -> None:
    curriculum = BandCurriculum(Curriculum(boost=50.0), 0, range(10))
    curriculum.observe(3, 0.0)
    assert sorted(curriculum.draw(0, 10)) == list(range(10))
    assert len(curriculum.draw(0, 25)) == 25


def test_a_restored_curriculum_goes_on_the_same() -> None:
    one, two = (draws(ItemSequence(seed=1), 4, 1, curriculum=Curriculum(boost=9.0, pool=50)) for _ in range(2))
    for round_number in range(3):
        requests = one.requests(4)
        one.observe([(request, ended(float((round_number + place) % 2))) for place, request in enumerate(requests)])
    two.restore(json.loads(json.dumps(one.state())))
    assert [one.requests(4) for _ in range(3)] == [two.requests(4) for _ in range(3)]
