"""What a conversation is worth: the documented formula, by hand and over whole dialogues."""

from __future__ import annotations

import pytest

from textenvs.envs.dialogue.env import DialogueStrategy
from textenvs.envs.dialogue.stakes import final_value, move_cost, satisfaction


@pytest.mark.parametrize(
    ("completion", "strain", "satisfied"),
    [(1.0, 0, 5.0), (1.0, 4, 3.0), (1.0, 8, 1.0), (1.0, 20, 1.0), (0.5, 0, 3.0), (0.5, 2, 2.5), (0.0, 0, 1.0)],
)
def test_satisfaction_falls_with_what_strains_the_user(completion: float, strain: int, satisfied: float) -> None:
    assert satisfaction(completion, strain) == pytest.approx(satisfied)


def test_ends_and_moves_by_hand() -> None:
    assert final_value(1.0, 0, False) == pytest.approx(1.0)
    assert final_value(1.0, 4, False) == pytest.approx(0.6 + 0.4 / 2)
    assert final_value(0.5, 2, True) == pytest.approx(0.6 / 2 + 0.4 * 1.5 / 4 - 0.3)
    assert (move_cost(False), move_cost(True)) == (0.02, 0.52)


@pytest.mark.parametrize("name", ["random", "careless", "echo"])
def test_the_return_is_the_formula_of_the_parts(name: str) -> None:
    env, seen = DialogueStrategy(), set[float]()
    for index in range(25):
        observation, _ = env.reset(options={"index": index})
        ended, earned, turns, wrong, parts = False, 0.0, 0, 0.0, dict[str, float]()
        while not ended:
            observation, reward, ended, _, info = env.step(env.baselines()[name](observation))
            parts = info["reward_parts"]
            earned, turns, wrong = earned + reward, turns + 1, wrong + parts["wrong_answer"]
        worth = 0.6 * parts["completion"] + 0.4 * (parts["satisfaction"] - 1.0) / 4.0 - 0.3 * parts["user_left"]
        assert earned == pytest.approx(worth - 0.02 * turns - 0.5 * wrong - 0.5 * (1.0 - parts["tidy"]))
        seen.add(parts["completion"])
    assert len(seen) > 1 or name == "echo"
