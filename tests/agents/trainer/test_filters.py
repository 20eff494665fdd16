"""Dynamic sampling and the masking of overlong turns."""

from __future__ import annotations

import numpy as np

from agents.trainer.filters import gather, overlong_tokens, varied_groups
from agents.trajectory import TokenBatch, Trajectory
from tests.agents.build import WORLD, trajectory, turn


def group(number: int, *returns: float | None) -> list[Trajectory]:
    """Return a group with these returns; None is one that could not be scored."""
    return [
        trajectory([[0]], [turn(0.0, valid=False) if value is None else turn(value)], group=number) for value in returns
    ]


class Player:
    """Plays groups with variance where the script says so; writes down what it is asked for."""

    def __init__(self, *script: str) -> None:
        self.script = iter("".join(script))
        self.asked: list[tuple[int, int]] = []
        self.next = 0

    def __call__(self, groups: int, round_number: int) -> list[Trajectory]:
        self.asked.append((groups, round_number))
        played: list[Trajectory] = []
        for kind in (next(self.script) for _ in range(groups)):
            outcomes = {"v": (0.0, 1.0), "=": (1.0, 1.0), "x": ()}[kind]
            played += group(self.next, *outcomes)
            self.next += 1
        return played


def test_groups_with_variance_have_two_known_returns_that_differ() -> None:
    episodes = [*group(0, 1.0, 0.0), *group(1, 1.0, 1.0), *group(2, 1.0, None), *group(3, None, None)]
    assert varied_groups(episodes) == {0}
    assert varied_groups([]) == set()


def test_groups_without_variance_are_replaced_until_none_is_left() -> None:
    play = Player("v=v=", "=v", "v")
    found = gather(play, 4, rounds=5)
    assert play.asked == [(4, 0), (2, 1), (1, 2)]
    assert [t.group_id for t in found.episodes] == [0, 0, 2, 2, 5, 5, 6, 6]
    assert found[1:4] == (7, 2, 3)


def test_after_the_last_round_what_is_flat_stays() -> None:
    play = Player("v=", "=")
    found = gather(play, 2, rounds=1)
    assert [t.group_id for t in found.episodes] == [0, 0, 2, 2]
    assert found[1:4] == (3, 1, 1)


def test_without_rounds_nothing_is_replaced_but_flat_groups_are_counted() -> None:
    found = gather(Player("==v"), 3, rounds=0)
    assert len(found.episodes) == 6
    assert found[1:4] == (3, 2, 0)


def test_a_group_of_which_every_environment_failed_is_replaced_too() -> None:
    play = Player("xv", "v")
    found = gather(play, 2, rounds=3)
    assert play.asked == [(2, 0), (1, 1)]
    assert found[1:4] == (3, 1, 1)
    assert [t.group_id for t in found.episodes] == [1, 1, 2, 2]


def test_the_tokens_of_cut_turns_are_overlong_and_no_others() -> None:
    cut = turn(finish_reason="length")
    batch = TokenBatch.of(
        [trajectory([[0, 0, WORLD, 1, 1], [2]], [turn(), cut, turn()]), trajectory([[0]], [cut])],
    )
    assert overlong_tokens(batch).tolist() == [False, False, True, True, False, True]
    assert not len(overlong_tokens(TokenBatch.of([])))
    assert overlong_tokens(batch).dtype == np.bool_
