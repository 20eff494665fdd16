"""The kinds of values that tools take and return: drawn, said as users say them, checked in answers.

A user says "下周三", "3k" or "1.5 kg"; the tool takes ``"2031-03-12"``, ``3000`` and ``1500``. Each kind knows both,
and a value that cannot be right.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from textenvs.dice import Dice
from textenvs.envs.toolcall.types import Language
from textenvs.envs.toolcall.world.lexicon import draw_name
from textenvs.seeding import Split

Words = Mapping[Language, str]
"""The same in both languages."""


def both(zh: str, en: str) -> Words:
    """Return a pair of words."""
    return {"zh": zh, "en": en}


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and when an episode takes place.

    Attributes:
        language: that is spoken.
        split: whose names and wordings.
        dice: where all choices come from.
        today: the date that the agent is told.
        plain: whether users say values as the tools take them.
        linked: whether the next sentence goes on in the same message.
    """

    language: Language
    split: Split
    dice: Dice
    today: datetime.date
    plain: bool = False
    linked: bool = False


class Kind:
    """A kind of values; the base takes text that stands for itself."""

    def hint(self, language: Language) -> str:
        """Return what a parameter's description says about the format; ``""`` if nothing."""
        return ""

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        return {"type": "string"}

    def draw(self, setting: Setting) -> Any:
        """Draw a value, as tools take it."""
        raise NotImplementedError

    def say(self, value: Any, setting: Setting) -> str:
        """Return the value as a user says it."""
        return self.forms(value, setting.language)[0]

    def forms(self, value: Any, language: Language) -> tuple[str, ...]:
        """Return the forms in which an answer may say the value; never empty."""
        return (str(value),)

    def wrong(self, setting: Setting) -> tuple[str, ...]:
        """Return forms of a value that cannot be right, as a user says it first; none where every text could be."""
        return ()

    def problem(self, value: Any) -> str:
        """Return why a value that the schema allows cannot be, for the agent; ``""`` if it can."""
        return ""


@dataclass(frozen=True, slots=True)
class Name(Kind):
    """A name from the lexicon.

    Attributes:
        sort: see `draw_name`.
    """

    sort: str

    def draw(self, setting: Setting) -> str:
        """Draw a name of the split's own."""
        return draw_name(self.sort, setting.language, setting.split, setting.dice)


@dataclass(frozen=True, slots=True)
class Quote(Name):
    """Words to be passed on as they are; users put them in quotation marks."""

    def say(self, value: Any, setting: Setting) -> str:
        """Return the words in quotation marks."""
        return f"“{value}”" if setting.language == "zh" else f'"{value}"'


@dataclass(frozen=True, slots=True)
class Digits(Kind):
    """A number that is a name, such as a telephone's.

    Attributes:
        length: how many digits.
    """

    length: int = 7

    def draw(self, setting: Setting) -> str:
        """Draw the digits; the first is no zero."""
        return str(setting.dice.between(10 ** (self.length - 1), 10**self.length - 1))


@dataclass(frozen=True, slots=True)
class Ref(Kind):
    """The id of a record of another service.

    Attributes:
        service: its name.
    """

    service: str


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of a few codes.

    Attributes:
        options: the words for each code.
        strange: words for something that is none of them.
    """

    options: Mapping[str, Words]
    strange: Words = field(default_factory=lambda: both("", ""))

    def schema(self) -> dict[str, Any]:
        """Return the codes."""
        return {"type": "string", "enum": list(self.options)}

    def draw(self, setting: Setting) -> str:
        """Draw a code."""
        return setting.dice.pick(tuple(self.options))

    def say(self, value: Any, setting: Setting) -> str:
        """Return the code, or its word in the user's language."""
        return str(value) if setting.plain else self.options[value][setting.language]

    def forms(self, value: Any, language: Language) -> tuple[str, ...]:
        """Return the word and the code."""
        return (str(value), *dict.fromkeys(self.options[value].values()))

    def wrong(self, setting: Setting) -> tuple[str, ...]:
        """Return the words for something that is no option."""
        return (self.strange[setting.language],) if self.strange[setting.language] else ()


_CHINESE_DAYS = "一二三四五六日"
_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NEAR: Mapping[Language, tuple[str, ...]] = {
    "zh": ("今天", "明天", "后天"),
    "en": ("today", "tomorrow", "the day after tomorrow"),
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def weekday(day: datetime.date, language: Language) -> str:
    """Return the name of a day of the week."""
    return f"星期{_CHINESE_DAYS[day.weekday()]}" if language == "zh" else _ENGLISH_DAYS[day.weekday()]


def calendar_date(day: datetime.date, language: Language) -> str:
    """Return month and day in words."""
    return f"{day.month}月{day.day}日" if language == "zh" else f"{_MONTHS[day.month - 1]} {day.day}"


@dataclass(frozen=True, slots=True)
class Day(Kind):
    """A date: ``YYYY-MM-DD`` for tools, "下周三" or "tomorrow" for users."""

    def hint(self, language: Language) -> str:
        """Return the format."""
        return "YYYY-MM-DD"

    def schema(self) -> dict[str, Any]:
        """Return the pattern of a date."""
        return {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}

    def draw(self, setting: Setting) -> str:
        """Draw a day within the next two weeks."""
        return (setting.today + datetime.timedelta(days=setting.dice.between(1, 13))).isoformat()

    def say(self, value: Any, setting: Setting) -> str:
        """Return the day as it is counted from today, by its weekday where weeks are plain, or by its date."""
        day = datetime.date.fromisoformat(value)
        ahead, language = (day - setting.today).days, setting.language
        if setting.plain:
            return str(value)
        if 0 <= ahead < len(_NEAR[language]):
            return _NEAR[language][ahead]
        if setting.dice.chance(0.3):
            return calendar_date(day, language)
        later = (ahead + setting.today.weekday()) // 7
        if language == "zh":
            return ("这周", "下周", "下下周")[later] + _CHINESE_DAYS[day.weekday()]
        return f"{('this {}', '{} next week', '{} in two weeks')[later]}".format(_ENGLISH_DAYS[day.weekday()])

    def forms(self, value: Any, language: Language) -> tuple[str, ...]:
        """Return the date for tools, and month and day in words."""
        day = datetime.date.fromisoformat(value)
        short = f"{day.day} {_MONTHS[day.month - 1]}"
        return (str(value), calendar_date(day, "zh"), calendar_date(day, "en"), short)

    def problem(self, value: Any) -> str:
        """Return that a date is none."""
        try:
            datetime.date.fromisoformat(value)
        except ValueError:
            return f"{value} is no date"
        return ""

    def wrong(self, setting: Setting) -> tuple[str, ...]:
        """Return a date that no calendar has."""
        return (setting.dice.pick(("2月30日", "4月31日") if setting.language == "zh" else ("February 30", "April 31")),)


@dataclass(frozen=True, slots=True)
class Amount(Kind):
    """A whole number of something that users count in other units too.

    Attributes:
        low: least value.
        high: greatest value.
        step: what every value is a multiple of.
        units: factor and unit by language, such as ``(1000, "kg")``; the first is the tool's own.
        unit: of the tool's value, for the description.
    """

    low: int
    high: int
    step: int
    units: Mapping[Language, tuple[tuple[int, str], ...]]
    unit: Words

    def hint(self, language: Language) -> str:
        """Return the unit."""
        return self.unit[language]

    def schema(self) -> dict[str, Any]:
        """Return a whole number, at least 1."""
        return {"type": "integer", "minimum": 1}

    def draw(self, setting: Setting) -> int:
        """Draw a value within the bounds."""
        return self.step * setting.dice.between(self.low // self.step, self.high // self.step)

    def say(self, value: Any, setting: Setting) -> str:
        """Return the value in one of the units that it has at most one decimal in."""
        units = self.units[setting.language]
        if setting.plain:
            return f"{value}{units[0][1]}"
        fitting = [(factor, unit) for factor, unit in units if value >= factor and 10 * value % factor == 0]
        return _in_unit(value, *setting.dice.pick(fitting))

    def forms(self, value: Any, language: Language) -> tuple[str, ...]:
        """Return the number, plain and with commas, and what it is in larger units."""
        larger = [
            _in_unit(value, factor, unit) for factor, unit in self.units[language][1:] if 10 * value % factor == 0
        ]
        return (str(value), f"{value:,}", *larger)

    def problem(self, value: Any) -> str:
        """Return that an amount is too small."""
        return "" if value >= 1 else f"{value} is less than 1"

    def wrong(self, setting: Setting) -> tuple[str, ...]:
        """Return an amount below zero, with its unit and without."""
        number = f"-{setting.dice.between(1, 9)}"
        return (number + self.units[setting.language][0][1], number)


def _in_unit(value: int, factor: int, unit: str) -> str:
    return f"{value / factor:g}{unit}" if factor > 1 else f"{value}{unit}"


@dataclass(frozen=True, slots=True)
class Number(Kind):
    """A rate: drawn, never said by users."""

    def schema(self) -> dict[str, Any]:
        """Return a number."""
        return {"type": "number"}

    def draw(self, setting: Setting) -> float:
        """Draw a rate with two decimals."""
        return setting.dice.between(11, 990) / 100

    def forms(self, value: Any, language: Language) -> tuple[str, ...]:
        """Return the number, with and without padding."""
        return (f"{value:g}", str(value), f"{value:.2f}", f"{value:,.2f}")


@dataclass(frozen=True, slots=True)
class Flag(Kind):
    """Yes or no; users ask for it or do not mention it."""

    def schema(self) -> dict[str, Any]:
        """Return a boolean."""
        return {"type": "boolean"}

    def draw(self, setting: Setting) -> bool:
        """Return yes, which is the only thing a user asks for."""
        return True


PERSON, CITY, ITEM, TITLE, FILE = Name("person"), Name("city"), Name("item"), Name("title"), Name("file")
TEXT, PHONE, DAY, RATE, FLAG = Quote("text"), Digits(), Day(), Number(), Flag()
COUNT = Amount(1, 9, 1, {"zh": ((1, ""),), "en": ((1, ""),)}, both("", ""))
MONEY = Amount(
    100,
    20_000,
    100,
    {
        "zh": ((1, "元"), (1000, "k"), (1000, "千元"), (10_000, "万元")),
        "en": ((1, " yuan"), (1000, "k"), (1000, " thousand")),
    },
    both("元", "yuan"),
)
WEIGHT = Amount(
    200, 9000, 100, {"zh": ((1, "克"), (1000, "公斤")), "en": ((1, " g"), (1000, " kg"))}, both("克", "grams")
)
MINUTES = Amount(
    30,
    180,
    30,
    {"zh": ((1, "分钟"), (60, "小时")), "en": ((1, " minutes"), (60, " hours"))},
    both("分钟", "minutes"),
)
