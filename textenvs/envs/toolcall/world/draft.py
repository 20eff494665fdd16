"""An episode being drawn: records, tools, requests in words, and the gold program, which is really executed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from textenvs.dice import Dice
from textenvs.envs.toolcall.types import Decision, Expectation, ExpectedArgument, ExpectedCall, Task
from textenvs.envs.toolcall.world.cards import Card, Namer
from textenvs.envs.toolcall.world.database import Database, Row
from textenvs.envs.toolcall.world.dials import Dials
from textenvs.envs.toolcall.world.kinds import Ref, Setting
from textenvs.envs.toolcall.world.operations import Operation
from textenvs.envs.toolcall.world.phrases import REACTION
from textenvs.envs.toolcall.world.services import SERVICES
from textenvs.envs.toolcall.world.spec import Service

Forms = tuple[str, ...]
"""Forms any of which says the same."""


Trouble = Literal["busy", "timeout", "down"]
"""What is the matter with a tool during a request: its first call fails, or is not answered; or none works at all."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What belongs to one request beside its task.

    Attributes:
        gold: what the right calls do, those that fail left out.
        trouble: by the name of the tool.
        supplied: tools that the user hands over with the request.
    """

    gold: tuple[tuple[Operation, Mapping[str, Any]], ...] = ()
    trouble: Mapping[str, Trouble] = field(default_factory=dict[str, Trouble])
    supplied: tuple[Card, ...] = ()

    def run(self, database: Database) -> None:
        """Run the gold program of the request."""
        for operation, arguments in self.gold:
            operation.run(database, **arguments)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is right for one request, beside its calls.

    Attributes:
        decisions: see `Expectation`.
        answer: what the oracle says.
        facts: see `Expectation`.
        names: see `Expectation`.
        decoys: see `Expectation`.
        ordered: whether the calls depend on one another.
    """

    decisions: tuple[Decision, ...]
    answer: str
    facts: tuple[Forms, ...] = ()
    names: tuple[Forms, ...] = ()
    decoys: tuple[str, ...] = ()
    ordered: bool = False


class Draft:
    """Collects an episode, request by request.

    Args:
        setting: language, split, date, and where all choices come from.
        dials: how difficult it shall be.

    Attributes:
        services: that requests are about.
        first_ids: see `Database`.
        database: as the gold program has left it so far.
        cards: the tools on offer from the beginning, by operation.
        withheld: operations that must not be offered.
        gone: ids of the records that a request removes, or would.
        ruled: operations that there is a rule about.
        spares: second tools for the same operations.
        rules: lines of the instruction about what is forbidden.
        crowded: whether as many tools as possible are on offer.
        tasks: the requests so far.
        stages: what belongs to each.
        states: what the tools must have left behind after each.
        initial: the records that were there before anybody wrote, by service.
        heard: what the conversation has held so far, had all gone well.
    """

    def __init__(self, setting: Setting, dials: Dials) -> None:
        self.setting = setting
        self.dials = dials
        self.services = tuple(SERVICES[name] for name in dials.services or SERVICES)
        self.first_ids = setting.dice.between(101, 899)
        self.database = Database(self.first_ids)
        self.namer = Namer(setting.split, dials.masked, setting.dice)
        self.cards: dict[Operation, Card] = {}
        self.spares: dict[Operation, Card] = {}
        self.withheld: set[Operation] = set()
        self.gone: set[str] = set()
        self.ruled: set[Operation] = set()
        self.rules: list[str] = []
        self.crowded = False
        self.tasks: list[Task] = []
        self.stages: list[Stage] = []
        self.states: list[dict[str, Any]] = []
        self.initial: dict[Service, list[Row]] = {}
        self.heard: list[str] = []
        self._editions: dict[Service, str] = {}
        self._taken: set[str] = set()
        self._calls: list[ExpectedCall] = []
        self._gold: list[tuple[Operation, Mapping[str, Any]]] = []

    @property
    def dice(self) -> Dice:
        """Where the choices come from."""
        return self.setting.dice

    @contextmanager
    def speaking(self, **changes: Any) -> Generator[None]:
        """Let the user speak in a changed setting for a while."""
        before = self.setting
        self.setting = replace(before, **changes)
        yield
        self.setting = before

    # Records

    def edition(self, service: Service) -> str:
        """Return the edition that this episode is about."""
        if service not in self._editions:
            self._editions[service] = self.dice.pick(tuple(service.editions)) if service.editions else ""
        return self._editions[service]

    def rows(self, service: Service) -> list[Row]:
        """Return the records that a service began with, drawing them at the first time."""
        if service not in self.initial:
            self._populate(service)
        return self.initial[service]

    def row(self, service: Service) -> Row:
        """Return a record of this episode's edition, one that no request was about yet if there is any.

        Raises:
            ImpasseError: if all of them are gone.
        """
        edition = self.edition(service)
        rows = [one for one in self.rows(service) if one["edition"] == edition]
        fresh = [one for one in rows if one["id"] not in self._taken]
        left = fresh or [one for one in rows if one["id"] not in self.gone]
        if not left:
            raise ImpasseError(service.name)
        chosen = self.dice.pick(left)
        self._taken.add(chosen["id"])
        return chosen

    def row_with_id(self, service: Service, key: str) -> Row:
        """Return the record with this id."""
        return next(one for one in self.rows(service) if one["id"] == key)

    def told_apart(self, service: Service, row: Row) -> bool:
        """Say whether a record is the only one with its title, those that were made in the meantime included."""
        same = {"edition": row["edition"], service.title: row[service.title]}
        return len(self.database.select(service, same)) == 1

    def _populate(self, service: Service) -> None:
        dice, (least, most) = self.dice, self.dials.records
        count = dice.between(least, most)
        ids = {service.name: [self.database.id_of(service, number) for number in range(count)]}
        for _, name in service.refs:
            if name not in ids:
                ids[name] = [row["id"] for row in self.rows(SERVICES[name])]
        edition, others = self.edition(service), tuple(service.editions)
        seen: set[tuple[Any, ...]] = set()
        rows: list[Row] = []
        for number, key in enumerate(ids[service.name]):
            row: Row = {"id": key, "edition": dice.pick(others) if others and number >= least else edition}
            identity = self._draw(service, row, ids)
            while identity in seen or len(set(identity)) < len(identity):
                identity = self._draw(service, row, ids)
            seen.add(identity)
            rows.append(row)
        self.initial[service] = rows
        self.database.create(service, rows)
        for state in self.states:
            state[service.name] = self.database.digest_of(service.name)

    def _draw(self, service: Service, row: Row, ids: Mapping[str, Sequence[str]]) -> tuple[Any, ...]:
        """Draw a record's values; return those that must differ from every other record's, and from one another."""
        for one in service.fields:
            pool = [key for key in ids[one.kind.service] if key != row["id"]] if isinstance(one.kind, Ref) else None
            row[one.name] = self.dice.pick(pool) if pool else one.kind.draw(self.setting)
        return tuple(row[name] for name in ((service.title,) if service.title else service.key))

    def amend(self, service: Service, row: Row, column: str, value: Any) -> None:
        """Let a record have begun with another value; only before the first request, for the states are kept."""
        row[column] = value
        self.database.amend(service, row["id"], column, value)

    # Tools and calls

    def offer(self, operation: Operation) -> Card:
        """Put a tool on offer from the beginning."""
        if operation not in self.cards:
            self.cards[operation] = self.namer.card(operation)
        return self.cards[operation]

    def call(self, operation: Operation, **arguments: Any) -> Any:
        """Make a call of the gold program, and return its result."""
        self.expect(self.offer(operation), **arguments)
        return self.execute(operation, **arguments)

    def execute(self, operation: Operation, **arguments: Any) -> Any:
        """Run what a right call does."""
        self._gold.append((operation, arguments))
        return operation.run(self.database, **arguments)

    def expect(self, card: Card, **arguments: Any) -> None:
        """Note a right call, be it one that fails."""
        accepted = {name: ExpectedArgument((value,)) for name, value in arguments.items()}
        for one in card.operation.parameters:
            if one.default is not None:
                given = arguments.get(one.name, one.default)
                accepted[one.name] = ExpectedArgument((given,), optional=given == one.default)
        self._calls.append(ExpectedCall(card.name, accepted, arguments))

    # Requests

    def abandon(self) -> None:
        """Forget the calls of a request that cannot be made after all; none of them has changed anything."""
        self._calls, self._gold = [], []

    def say(
        self,
        said: str,
        truth: Truth,
        trouble: Mapping[str, Trouble] | None = None,
        supplied: tuple[Card, ...] = (),
    ) -> None:
        """Close a request: what the user says, and what is right with it."""
        expectation = Expectation(
            truth.decisions,
            tuple(self._calls),
            ordered=truth.ordered,
            names=truth.names,
            decoys=truth.decoys,
            facts=truth.facts,
            answer=truth.answer,
        )
        language, number = self.setting.language, len(self.tasks)
        reaction = REACTION[language].format(answer=truth.answer if truth.facts else "").strip()
        heard = "\n".join(self.heard)
        self.states.append(self.database.digests())
        self.tasks.append(Task(str(number), language, said, (), expectation, heard=heard, reaction=reaction))
        self.stages.append(Stage(tuple(self._gold), trouble or {}, supplied))
        self.heard += [said, truth.answer]
        self._calls, self._gold = [], []


class ImpasseError(Exception):
    """The services at hand allow no task of a kind; the message is the kind."""


Scenario = Callable[[Draft], None]
"""Adds the requests of one kind of task to a draft."""
