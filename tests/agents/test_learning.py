"""Every algorithm learns the probes in time: the cheap ones here, all of them over five seeds in `make proof`."""

from __future__ import annotations

import pytest

from tests.agents.contestants import CONTESTANTS
from tests.agents.probes import PAIRS, PROBES

CHEAP = ("constant", "conditional", "first_turn")
DEAR = [("copy", "ppo"), ("copy", "trpo"), ("long_reply", "ppo"), ("long_reply", "grpo"), ("long_reply", "a2c")]


@pytest.mark.parametrize(("probe", "name"), [(probe, name) for probe in CHEAP for name in CONTESTANTS] + DEAR)
def test_probe_is_learned(probe: str, name: str) -> None:
    attempt = CONTESTANTS[name].attempt(PROBES[probe], seed=0)
    assert attempt.solved, attempt


@pytest.mark.parametrize(("name", "most"), [("conditional", 1 / 2), ("copy", 1 / 3)])
def test_who_does_not_read_the_opening_cannot_pass(name: str, most: float) -> None:
    probe = PROBES[name]
    rates = [sum(probe.judge(o, [chr(code)]) for o in probe.openings) / len(probe.openings) for code in range(128)]
    assert max(rates) == most


def test_who_knows_only_which_letters_are_shown_cannot_copy_the_first() -> None:
    assert {pair[::-1] for pair in PAIRS} == set(PAIRS)
    assert all(pair[0] != pair[1] for pair in PAIRS)


def test_the_long_reply_has_a_thousand_tokens() -> None:
    probe = PROBES["long_reply"]
    chat = CONTESTANTS["ppo"].policy(probe, seed=0).chat
    assert len(chat.action_ids(probe.replies[0])) - len(chat.action_ids("")) == 1000
