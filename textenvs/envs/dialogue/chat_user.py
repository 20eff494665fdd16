"""Users of this family who speak with the words of a chat model: made, and held to what they have to say."""

from __future__ import annotations

import re
from dataclasses import dataclass

from textenvs.chat_client import Endpoint, client_of
from textenvs.envs.dialogue.episode import agenda_user
from textenvs.envs.dialogue.types import Catalogue, Item
from textenvs.users.chat import ChatUser, Manner
from textenvs.users.core import FREE, Said, SimulatedUser


@dataclass(frozen=True, slots=True)
class ChatUsers:
    """Makes users whose moves follow the rules and whose words come from a chat model.

    Attributes:
        endpoint: that answers.
        temperature: of its sampling.
    """

    endpoint: Endpoint
    temperature: float = 0.7

    @classmethod
    def at(cls, address: str) -> ChatUsers:
        """Return the users that the endpoint ``"URL#MODEL"`` speaks for.

        Raises:
            ConfigError: if the address is none.
            EndpointError: if the endpoint does not answer; this process asks it once.
        """
        users = cls(Endpoint.of(address))
        client_of(users.endpoint).check()
        return users

    def __call__(self, item: Item) -> SimulatedUser:
        """Return the user of a dialogue."""
        manner = Manner(self.endpoint, item.catalogue.language, self.temperature)
        return ChatUser(agenda_user(item), manner, Faithful(item.catalogue))


@dataclass(frozen=True, slots=True)
class Faithful:
    """Checks that words name the values that a message tells, and no other.

    Attributes:
        catalogue: the names of all values.
    """

    catalogue: Catalogue

    def __call__(self, text: str, said: Said, heard: str) -> bool:
        """Say whether a text will do for a message.

        Args:
            text: the words.
            said: the message in plain words, with what is done with it.
            heard: what the agent has just said; its values may be taken up.
        """
        names = [[value.name for value in slot.values] for slot in self.catalogue.slots]
        told = {names[act.slot][act.value] for act in said.acts if FREE not in (act.slot, act.value)}
        known = {name for slot in names for name in slot if _names(said.text, name) or _names(heard, name)}
        spoken = {name for slot in names for name in slot if _names(text, name)}
        return told & known <= spoken <= known


def _names(text: str, name: str) -> bool:
    """Say whether a text holds a name, as a whole word where words are set apart."""
    return re.search(rf"(?<![a-z]){re.escape(name.lower())}(?![a-z])", text.lower()) is not None
