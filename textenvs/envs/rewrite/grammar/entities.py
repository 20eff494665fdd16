"""The things of a dialogue: drawn by type, named by new combinations of known parts."""

from __future__ import annotations

from collections.abc import Callable

from textenvs.dice import Dice
from textenvs.envs.rewrite.grammar.frames import Entity, Type
from textenvs.envs.rewrite.grammar.lexicon import LEXICONS, MONTHS, ORDER_LETTERS, PARCEL_LETTERS, Lexicon
from textenvs.envs.rewrite.types import Language
from textenvs.partition import MODULUS, RESIDUES
from textenvs.seeding import Split

Names = tuple[str, ...]


class Cast:
    """Everything that one dialogue can talk about, in the order in which it was drawn.

    Names are combinations of parts whose numbers add up to a residue of the split (see `partition`), so the
    names of different splits differ while their parts are the same. No two things share a stem.

    Args:
        language: of the names.
        split: whose names.
        dice: where the choices come from.
    """

    def __init__(self, language: Language, split: Split, dice: Dice) -> None:
        self.entities: list[Entity] = []
        self._language: Language = language
        self._lexicon = LEXICONS[language]
        self._residues = RESIDUES[split]
        self._dice = dice
        self._by_stem: dict[str, Entity] = {}

    def draw(self, kind: Type) -> Entity:
        """Draw a thing of this type: a new one, except that words such as colours can come again."""
        entity = _MAKERS[kind](self, kind)
        while entity.stem in self._by_stem:
            if kind in WORD_TYPES:
                return self._by_stem[entity.stem]
            entity = _MAKERS[kind](self, kind)
        self._by_stem[entity.stem] = entity
        self.entities.append(entity)
        return entity

    def _parts(self, *sizes: int) -> list[int]:
        """Draw one number below each size, so that the sum belongs to the split."""
        dice = self._dice
        drawn = [dice.below(size) for size in sizes[:-1]]
        missing = (dice.pick(self._residues) - sum(drawn)) % MODULUS
        drawn.append(missing + MODULUS * dice.below(sizes[-1] // MODULUS))
        return drawn

    def _entity(self, kind: Type, stem: str, names: Names, gender: str = "", forms: Names = ()) -> Entity:
        keys = tuple([name.lower() for name in names])  # what `normalize` makes of them, at a fiftieth of the cost
        return Entity(kind, stem, names, keys, forms or ("",) * len(names), gender)

    def person(self, kind: Type) -> Entity:
        """Draw a person; the title gives the gender, and the surname is the stem."""
        lexicon, gender = self._lexicon, "mf"[self._dice.below(2)]
        if self._language == "zh":
            head, first, second = self._parts(len(lexicon.surnames), len(lexicon.given), len(lexicon.given))
            surname = lexicon.surnames[head]
            full = surname + lexicon.given[first] + lexicon.given[second]
            title = "先生" if gender == "m" else "女士"
            return self._entity(kind, surname, (full + title, surname + title, full), gender)
        head, tail = self._parts(len(lexicon.surnames), len(lexicon.given))
        stem = lexicon.surnames[head] + lexicon.given[tail]
        return self._entity(kind, stem, (f"{'Mr' if gender == 'm' else 'Ms'} {stem}",), gender)

    def numbered(self, kind: Type) -> Entity:
        """Draw a parcel or an order; a letter and three digits are the stem."""
        letters = PARCEL_LETTERS if kind == "parcel" else ORDER_LETTERS
        letter, *digits = self._parts(len(letters), 10, 10, 10)
        stem = letters[letter] + "".join(map(str, digits))
        if self._language == "en":
            return self._entity(kind, stem, (f"{kind} {stem}", stem))
        noun = "包裹" if kind == "parcel" else "订单"
        return self._entity(kind, stem, (noun + stem, f"{stem}号{noun}", stem))

    def place(self, kind: Type) -> Entity:
        """Draw a city, a hotel or a shop."""
        tails, before, after, zh = _PLACES[kind]
        stem = self._stem(tails(self._lexicon))
        if self._language == "zh":
            return self._entity(kind, stem, (stem + zh, stem) if kind != "city" else (stem, stem + zh))
        return self._entity(kind, stem, (f"{before}{stem}{after}", stem) if after else (stem,))

    def product(self, kind: Type) -> Entity:
        """Draw a product: a brand of its own and what it is."""
        stem = self._stem(self._lexicon.brands)
        goods = self._dice.pick(self._lexicon.goods)
        if self._language == "zh":
            return self._entity(kind, stem, (stem + goods,))
        bare = f"{stem} {goods}"
        return self._entity(kind, stem, (f"the {bare}", f"{bare}s", bare), forms=("", "plural", "head"))

    def day(self, kind: Type) -> Entity:
        """Draw a date: with a month of one digit and a day of two, no date's name lies within another's."""
        month, day = self._dice.below(len(MONTHS)), self._dice.between(10, 28)
        if self._language == "zh":
            return self._entity(kind, f"{month}/{day}", (f"{month + 1}月{day}日", f"{month + 1}月{day}号"))
        name = MONTHS[month]
        return self._entity(kind, f"{month}/{day}", (f"{name} {day}", f"{day} {name}"))

    def word(self, kind: Type) -> Entity:
        """Draw a colour, a count or a number of nights."""
        words = WORD_TYPES[kind](self._lexicon)
        word = self._dice.pick(words)
        return self._entity(kind, word, (word,))

    def _stem(self, tails: Names) -> str:
        head, tail = self._parts(len(self._lexicon.heads), len(tails))
        return self._lexicon.heads[head] + tails[tail]


_PLACES: dict[Type, tuple[Callable[[Lexicon], Names], str, str, str]] = {
    "city": (lambda lexicon: lexicon.cities, "", "", "市"),
    "hotel": (lambda lexicon: lexicon.hotels, "the ", " Hotel", "酒店"),
    "shop": (lambda lexicon: lexicon.shops, "the ", " Store", "店"),
}

WORD_TYPES: dict[Type, Callable[[Lexicon], Names]] = {
    "colour": lambda lexicon: lexicon.colours,
    "count": lambda lexicon: lexicon.counts,
    "nights": lambda lexicon: lexicon.nights,
}
"""Types that are plain words, with the list of them: they may come again and belong to every split."""

_MAKERS: dict[Type, Callable[[Cast, Type], Entity]] = {
    "person": Cast.person,
    "parcel": Cast.numbered,
    "order": Cast.numbered,
    "city": Cast.place,
    "hotel": Cast.place,
    "shop": Cast.place,
    "product": Cast.product,
    "day": Cast.day,
    "colour": Cast.word,
    "count": Cast.word,
    "nights": Cast.word,
}
