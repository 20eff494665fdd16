"""What was left out and what it was, without the language: named moves, and what can be seen in numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from textenvs.envs.rewrite.reading import (
    GAP,
    SAID,
    STANDS,
    Reader,
    Sketch,
    Slot,
    State,
    Thing,
    Transcript,
    transcript,
)
from textenvs.settlement import Observation

DEPTH = 3
"""How many candidates have a move, the one that was named last first."""

_LONG = 60  # characters beyond which nothing is learned from their number
_MANY = 4  # slots in one state beyond which the same holds
_FAR = 8  # rewrites, candidates or lines beyond which the same holds
_SHELLS = ("vp_ellipsis", "correction", "fragment")
_WAITING = (STANDS, GAP)


class RewriteMenu:
    """Moves and features of `MultiTurnRewrite`; see `textenvs.wrappers.Menu`.

    Every move is an edit of the user's words, made from nothing but what the agent can see. Candidates are counted from
    the one that was named last; words that only complain stand for those before them.

    - ``keep`` says the words as they are;
    - ``refer_k`` puts the k-th fitting candidate where a word stands for something;
    - ``fill_k`` puts the k-th fitting candidate where nothing stands for it;
    - ``restore`` does both with the first candidates;
    - ``continue_last`` and ``continue_first`` ask the last request again about what is named now, in the last or the
      first place where it fits; ``continue_earlier`` does so with the request before.

    Args:
        reader: of the single texts.
        seen: returns the observation.
    """

    def __init__(self, reader: Reader, seen: Callable[[], Observation]) -> None:
        self._reader = reader
        self._seen = seen
        self._plays: Mapping[str, Callable[[Point], str]] = {
            "keep": partial(restored, states=(), rank=0),
            **{f"refer_{rank + 1}": partial(restored, states=(STANDS,), rank=rank) for rank in range(DEPTH)},
            **{f"fill_{rank + 1}": partial(restored, states=(GAP,), rank=rank) for rank in range(DEPTH)},
            "restore": partial(restored, states=_WAITING, rank=0),
            "continue_last": partial(continued, request=0, place=-1),
            "continue_first": partial(continued, request=0, place=0),
            "continue_earlier": partial(continued, request=1, place=-1),
        }
        self.moves = tuple(self._plays)
        self.features = (
            *("chinese", "length", "turn", "alone", "complains", "asked_back"),
            *(STANDS, GAP, SAID),
            *(f"shell_{shell}" for shell in _SHELLS),
            *("ordinal", "list", "some_places", "many_places", "first_form", "last_form"),
            *(f"{state}_{what}" for state in _WAITING for what in ("candidates", "distance")),
        )

    def look(self) -> list[float]:
        """Return the features, each in [0, 1]."""
        point = Point(self._reader, transcript(self._seen()))
        sketch, seen = point.sketch, point.seen
        counts = [len(sketch.numbers(state)) for state in (STANDS, GAP, SAID)]
        return [
            float(seen.language == "zh"),
            min(1.0, len(seen.utterance) / _LONG),
            min(1.0, seen.rewrites / _FAR),
            float(not seen.before),
            float(seen.said != seen.utterance),
            float(seen.reply.endswith(("?", "？"))),
            *(min(1.0, count / _MANY) for count in counts),
            *(float(sketch.shell == shell) for shell in _SHELLS),
            float(any(slot.rank >= 0 for slot in sketch.slots)),
            float(bool(point.lists)),
            *_fits(point),
            *(number for state in _WAITING for number in _reach(point, state)),
        ]

    def say(self, move: int) -> str:
        """Return the text of a move at this point."""
        return self._plays[self.moves[move]](Point(self._reader, transcript(self._seen())))


class Point:
    """A conversation as read.

    Args:
        reader: of the single texts.
        seen: the conversation.

    Attributes:
        reader: as given.
        seen: as given.
        sketch: the utterance with its slots.
        newest: everything that was named before, each thing once, with how many lines ago; the last one first.
        lists: the things that the service named together, the last ones first.
    """

    def __init__(self, reader: Reader, seen: Transcript) -> None:
        self.reader = reader
        self.seen = seen
        self.sketch = reader.sketch(seen.utterance, seen.language)
        lines = [(line.speaker, reader.things(line.text, seen.language)) for line in reversed(seen.before)]
        self.newest: dict[Thing, int] = {}
        for back, (_, things) in enumerate(lines):
            for thing in things:
                self.newest.setdefault(thing, back)
        replies = [things for speaker, things in lines if speaker == "service"]
        self.lists = [alike for things in replies if len(alike := [t for t in things if t.kind == things[-1].kind]) > 1]

    def candidates(self, slot: Slot) -> list[tuple[Thing, int]]:
        """Return what can stand in a slot and is not named in the utterance, with how many lines ago it was named."""
        if slot.rank >= 0:
            return [(things[slot.rank], 0) for things in self.lists if slot.rank < len(things)]
        said = {slot.text.lower() for slot in self.sketch.slots}
        return [
            (thing, back) for thing, back in self.newest.items() if slot.fits(thing) and thing.name.lower() not in said
        ]

    def new(self) -> Thing | None:
        """Return what the utterance names last, be it by its place in a list."""
        said = self.reader.things(self.seen.utterance, self.seen.language)
        counted = [found[0][0] for slot in self.sketch.slots if slot.rank >= 0 and (found := self.candidates(slot))]
        return next(iter((*counted, *reversed(said))), None)

    def request(self, number: int) -> Sketch:
        """Return an earlier request, the last one at 0; the utterance, where there is none."""
        requests = self.seen.requests
        return self.reader.sketch(requests[number], self.seen.language) if number < len(requests) else self.sketch


def restored(point: Point, states: Sequence[State], rank: int) -> str:
    """Return the utterance with a candidate in every slot of some states that has one of this rank."""
    put: dict[int, str] = {}
    for number in point.sketch.numbers(*states):
        slot = point.sketch.slots[number]
        if rank < len(candidates := point.candidates(slot)):
            put[number] = candidates[rank][0].formed(slot.form, point.seen.language)
    return point.sketch.text(put, point.seen.language) if put else point.seen.utterance


def continued(point: Point, request: int, place: int) -> str:
    """Return an earlier request about what is named now; as it was, where that fits nowhere."""
    base, thing = point.request(request), point.new()
    places = [] if thing is None else _places(base, thing)
    put = {places[place]: thing.formed(base.slots[places[place]].form, point.seen.language)} if thing and places else {}
    return base.text(put, point.seen.language)


def _places(base: Sketch, thing: Thing) -> list[int]:
    return [number for number, slot in enumerate(base.slots) if slot.fits(thing)]


def _fits(point: Point) -> tuple[float, float, float, float]:
    """Return whether what is new fits into the last request, in many places, and by its form in the first or last."""
    base, thing = point.request(0), point.new()
    places = [] if thing is None else _places(base, thing)
    forms = {slot.form for slot in point.sketch.slots} - {""}
    first, last = [base.slots[places[end]].form in forms if places else False for end in (0, -1)]
    return float(bool(places)), float(len(places) > 1), float(first), float(last)


def _reach(point: Point, state: State) -> tuple[float, float]:
    """Return how many candidates the first slot in a state has, and how far back the first of them stands."""
    waiting = point.sketch.numbers(state)
    found = point.candidates(point.sketch.slots[waiting[0]]) if waiting else []
    return min(1.0, len(found) / _FAR), min(1.0, found[0][1] / _FAR) if found else 1.0
