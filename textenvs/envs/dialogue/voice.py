"""How a user of the generated world speaks: acts into words, and nothing that its acts do not hold."""

from __future__ import annotations

from dataclasses import dataclass

from textenvs.envs.dialogue.descriptions import described
from textenvs.envs.dialogue.types import Catalogue, Mood
from textenvs.envs.dialogue.wording import WORDS, UserWords, Words
from textenvs.envs.dialogue.wording.tables import Wordings
from textenvs.partition import MODULUS
from textenvs.users.core import FREE, Act, ActKind, MoveKind

_MOODY: tuple[ActKind, ...] = ("request", "inform", "vague", "dont_care", "unknown", "reject", "puzzled")
"""The acts before which an angry or chatty user says something more."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Puts the acts of one message into words.

    Attributes:
        catalogue: the words of slots and values.
        intents: by goal, the kind of answer that is wanted.
        mood: of the user.
        wordings: numbers of the wordings in use, all of them the split's; which one follows from what is said.
        start: which of them comes first.
        openings: requests in words of their own, by goal; all others are worded here.
    """

    catalogue: Catalogue
    intents: tuple[MoveKind, ...]
    mood: Mood
    wordings: tuple[int, ...]
    start: int
    openings: tuple[str, ...] = ()

    def say(self, goal: int, acts: tuple[Act, ...]) -> str:
        """Return the words of a message.

        Args:
            goal: number of the goal that is spoken of.
            acts: what the user does with it.
        """
        words = WORDS[self.catalogue.language]
        if acts[0].kind == "request" and goal < len(self.openings):
            return self.openings[goal]
        if acts[0].kind == "request":
            said = [self._request(words, goal, acts)]
        else:
            said = [self._act(words.user, goal, act, place) for place, act in enumerate(acts)]
        if acts[-1].kind in _MOODY and self.mood != "calm":
            said.insert(0, self._pick(words.user.moods[self.mood], goal + len(acts) + acts[-1].slot))
        return words.space.join(one[:1].upper() + one[1:] for one in said)

    def _pick(self, wordings: Wordings, key: int) -> str:
        return wordings[self.wordings[(self.start + key) % len(self.wordings)]]

    def _request(self, words: Words, goal: int, acts: tuple[Act, ...]) -> str:
        told = {act.slot: act.value for act in acts if act.kind == "inform"}
        thing = described(self.catalogue, tuple(told.get(slot, FREE) for slot in range(len(self.catalogue.slots))))
        # The opener and the core are chosen so that their numbers sum to one of the split's.
        opener = (self.start * 7 + goal) % MODULUS
        core = (self.wordings[self.start % len(self.wordings)] - opener) % MODULUS
        begin = words.user.following if goal else words.user.greetings
        said = [begin[opener], words.user.requests[self.intents[goal]][core].format(thing=thing)]
        return words.space.join(said)

    def _act(self, user: UserWords, goal: int, act: Act, place: int) -> str:
        if act.kind == "insist":
            return self._pick(user.insisting[self.intents[goal]], place)
        key = place + act.slot + goal
        if act.slot == FREE:
            return self._pick(user.acts[act.kind], key)
        slot = self.catalogue.slots[act.slot]
        if act.value == FREE:
            told = user.acts[act.kind] if act.kind in ("dont_care", "unknown") else user.free
            return self._pick(told, key).format(slot=slot.name)
        value, other = slot.values[act.value], slot.values[(act.value + 1) % len(slot.values)]
        wording = self._pick(user.acts[act.kind], key)
        return wording.format(name=value.name, phrase=value.phrase, other=other.name, slot=slot.name)
