"""An episode's tools at work on its database, with everything that goes wrong on purpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any, Self

from textenvs.envs.toolcall.world.cards import Card, parameters_of, schema_of, tool_of
from textenvs.envs.toolcall.world.database import Database
from textenvs.envs.toolcall.world.world import Item
from textenvs.tools import Tool, Toolbox


class UnavailableError(Exception):
    """A tool does not work at the moment; the message is for the agent."""


class WorldBench:
    """The tools of a generated episode.

    Args:
        item: the episode.
    """

    def __init__(self, item: Item) -> None:
        self._item = item
        self._database: Database | None = None
        self.begin(0)

    @property
    def database(self) -> Database:
        """What the tools work on; it is made when it is first needed."""
        database = self._database = self._database or self._item.database()
        return database

    @property
    def toolbox(self) -> Toolbox:
        """Runs the calls that are possible now; tools that the user will hand over later are not in it."""
        if self._toolbox is None:
            self._toolbox = Toolbox(self._tool(card) for card in (*self._item.cards, *self._supplied(self._number)))
        return self._toolbox

    @property
    def offered(self) -> tuple[str, ...]:
        """The tools on offer from the beginning, as JSON text."""
        return tuple(schema_of(card, self._item.language, self._item.brief) for card in self._item.cards)

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """JSON Schema of the arguments of every tool, by name, those that are handed over later included."""
        cards = (*self._item.cards, *self._supplied(len(self._item.stages)))
        return {card.name: parameters_of(card.operation, self._item.language, self._item.brief) for card in cards}

    def begin(self, number: int, put_right: bool = False) -> None:
        """Prepare for a request.

        Args:
            number: of the request.
            put_right: whether the ones before did not leave the right state, so that the user has seen to it.
        """
        self._number = number
        self._calls: Counter[str] = Counter()
        if put_right:
            self._database = self._item.database(number)
        self._toolbox: Toolbox | None = None

    def state(self) -> Mapping[str, Any]:
        """Return a hash of every table, and the number of writes."""
        return self.database.digests()

    def fork(self) -> Self:
        """Return an independent copy."""
        twin = object.__new__(type(self))
        database = None if self._database is None else self._database.fork()
        twin.__setstate__((self._item, database, self._number, self._calls.copy()))
        return twin

    def __getstate__(self) -> tuple[Any, ...]:
        """Return what the tools work on; the toolbox is made again when it is needed."""
        return self._item, self._database, self._number, self._calls

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._item, self._database, self._number, self._calls = state
        self._toolbox = None

    def _supplied(self, number: int) -> list[Card]:
        """Return the tools that the user hands over up to a request."""
        return [card for stage in self._item.stages[: number + 1] for card in stage.supplied]

    def _tool(self, card: Card) -> Tool:
        return tool_of(card, self._item.language, self._item.brief, partial(self._run, card))

    def _run(self, card: Card, **arguments: Any) -> Any:
        """Run a call, unless it is to fail.

        Raises:
            UnavailableError: if the tool is busy for once, or down.
            TimeoutError: if it does not answer, for once.
        """
        trouble = self._item.stages[self._number].trouble.get(card.name)
        self._calls[card.name] += 1
        if trouble == "down":
            raise UnavailableError("this line is down all day; use another one")
        if trouble is not None and self._calls[card.name] == 1:
            if trouble == "timeout":
                raise TimeoutError
            raise UnavailableError("busy for a moment; try again")
        return card.operation.run(self.database, **arguments)
