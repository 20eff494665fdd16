"""Values: what users say means what tools take, and what cannot be is refused."""

from __future__ import annotations

import datetime
import re

import numpy as np
import pytest

from textenvs.dice import Dice
from textenvs.envs.toolcall.types import Language
from textenvs.envs.toolcall.world.kinds import DAY, MINUTES, MONEY, WEIGHT, Amount, Setting
from textenvs.envs.toolcall.world.lexicon import draw_name
from textenvs.seeding import SPLITS

LANGUAGES: tuple[Language, ...] = ("zh", "en")
WEDNESDAY = datetime.date(2031, 3, 12)


def setting(language: Language, seed: int = 0, *, plain: bool = False) -> Setting:
    return Setting(language, "train", Dice(np.random.default_rng(seed)), WEDNESDAY, plain)


@pytest.mark.parametrize(
    ("language", "ahead", "forms"),
    [
        ("zh", 1, {"明天", "3月13日"}),
        ("zh", 2, {"后天", "3月14日"}),
        ("zh", 4, {"这周日", "3月16日"}),
        ("zh", 5, {"下周一", "3月17日"}),
        ("zh", 13, {"下下周二", "3月25日"}),
        ("en", 1, {"tomorrow", "March 13"}),
        ("en", 3, {"this Saturday", "March 15"}),
        ("en", 7, {"Wednesday next week", "March 19"}),
        ("en", 12, {"Monday in two weeks", "March 24"}),
    ],
)
def test_days_are_counted_from_today_and_weeks_begin_on_monday(language: Language, ahead: int, forms: set[str]) -> None:
    day = (WEDNESDAY + datetime.timedelta(days=ahead)).isoformat()
    said = {DAY.say(day, setting(language, seed)) for seed in range(30)}
    assert said <= forms
    assert len(said) == (1 if ahead < 3 else 2)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [MONEY, WEIGHT, MINUTES])
def test_amounts_in_every_unit_are_what_the_tool_takes(kind: Amount, language: Language) -> None:
    factors = {unit: factor for factor, unit in kind.units[language]}
    used: set[str] = set()
    for seed in range(200):
        value = kind.draw(setting(language, seed))
        said = kind.say(value, setting(language, seed + 1000))
        number, unit = re.fullmatch(r"([\d.]+)(.*)", said, re.DOTALL).groups()  # type: ignore[union-attr]
        assert float(number) * factors[unit] == pytest.approx(value)
        used.add(unit)
    assert used == set(factors)


def test_what_cannot_be_is_explained() -> None:
    assert DAY.problem("2031-02-30") == "2031-02-30 is no date"
    assert DAY.problem("2031-02-28") == ""
    assert MONEY.problem(-5) == "-5 is less than 1"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sort", ["person", "city", "item", "title", "text", "file"])
def test_no_name_of_one_split_occurs_in_another(sort: str, language: Language) -> None:
    drawn = [
        {draw_name(sort, language, split, Dice(np.random.default_rng(seed))) for seed in range(400)} for split in SPLITS
    ]
    assert all(len(names) >= 5 for names in drawn)
    assert not drawn[0] & drawn[1]
    assert not drawn[0] & drawn[2]
    assert not drawn[1] & drawn[2]
