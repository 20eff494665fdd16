"""What tools do: eight mechanisms, each for every service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from textenvs.envs.toolcall.world.database import Database, NotFoundError, Row
from textenvs.envs.toolcall.world.kinds import COUNT, Amount, Flag, Kind, Ref, both
from textenvs.envs.toolcall.world.services import SERVICES
from textenvs.envs.toolcall.world.spec import WRITES, Field, Service, Verb

PAGE = 3
"""Records on a page."""

HANDFUL = 2
"""Records with some value that are listed at a time."""

_PAGE = Field("page", both("页码", "page"), COUNT, default=1)
_AFTER = Field("after", both("上一次结果里的 next", "next of the result before"), Kind(), default="")
_PLAIN = Amount(10, 990, 10, {"zh": ((1, ""),), "en": ((1, ""),)}, both("", ""))
_SUM = Field("amount", both("金额", "amount"), _PLAIN, both("金额{v}", "amount {v}"))


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be done with one service's records.

    Attributes:
        service: whose.
        verb: what.
        edition: of the records that it can see; ``""`` where the service has no editions.
        field: that "change" changes, or by whose value "match" lists.
    """

    service: Service
    verb: Verb
    edition: str = ""
    field: str = ""

    @property
    def writes(self) -> bool:
        """Whether it changes the state."""
        return self.verb in WRITES

    @property
    def parameters(self) -> tuple[Field, ...]:
        """Its parameters; those with a default may be left out."""
        return _parameters(self)

    def run(self, database: Database, **arguments: Any) -> Any:
        """Do it.

        Args:
            database: on which.
            arguments: by the parameters' names, already validated.

        Returns:
            A JSON value.

        Raises:
            NotFoundError: if a record does not exist.
            InvalidValueError: if a value cannot be.
        """
        for parameter in self.parameters:
            if parameter.name in arguments and (problem := parameter.kind.problem(arguments[parameter.name])):
                raise InvalidValueError(f"{parameter.name}: {problem}")
        given = {one.name: one.default for one in self.parameters if one.default is not None} | arguments
        return _MECHANISMS[self.verb](self, database, given)


class InvalidValueError(Exception):
    """A value that the schema allows and that cannot be; the message is for the agent."""


@cache
def operations(service: Service, edition: str = "") -> tuple[Operation, ...]:
    """Return everything that can be done with a service's records."""
    return tuple(
        Operation(service, verb, edition, field)
        for verb in service.verbs
        for field in {"change": service.changeable, "match": service.listed_by}.get(verb, ("",))
    )


@cache
def id_field(service: Service) -> Field:
    """Return the parameter that takes a record's id."""
    label = both(f"{service.noun['zh']}编号", f"{service.noun['en']} ID")
    return Field(f"{service.name}_id", label, Ref(service.name))


@cache
def _parameters(operation: Operation) -> tuple[Field, ...]:
    service = operation.service
    # What is changed or listed by must be said, whether or not a new record could do without.
    given = (replace(service.field(operation.field), default=None),) if operation.field else ()
    key = tuple(id_field(service) if name == "id" else service.field(name) for name in service.key)
    return {
        "look": key,
        "find": (service.field(service.title),) if service.title else (),
        "browse": (_PAGE,),
        "match": (*given, _AFTER),
        "add": tuple(service.field(name) for name in service.stated),
        "change": (*key, *given),
        "drop": key,
        "convert": (_SUM, *key),
    }[operation.verb]


def shown(service: Service, row: Row) -> Row:
    """Return a record as tools return it."""
    key = {} if "id" not in service.key else {id_field(service).name: row["id"]}
    return key | {field.name: _json(field, row[field.name]) for field in service.fields}


def _json(field: Field, value: Any) -> Any:
    return bool(value) if isinstance(field.kind, Flag) else value


def _where(operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies the record that the arguments name."""
    service = operation.service
    named = {name: given[id_field(service).name if name == "id" else name] for name in service.key}
    return {"edition": operation.edition, **named}


def _look(operation: Operation, database: Database, given: Mapping[str, Any]) -> Any:
    return shown(operation.service, database.one(operation.service, _where(operation, given)))


def _find(operation: Operation, database: Database, given: Mapping[str, Any]) -> Any:
    service = operation.service
    where = {"edition": operation.edition, service.title: given[service.title]}
    return {id_field(service).name: database.one(service, where)["id"]}


def _browse(operation: Operation, database: Database, given: Mapping[str, Any]) -> Any:
    service, page = operation.service, given["page"]
    rows = database.select(service, {"edition": operation.edition})
    listed = [
        {id_field(service).name: row["id"], service.title: row[service.title]}
        for row in rows[PAGE * (page - 1) : PAGE * page]
    ]
    return {"items": listed, "page": page, "pages": -(-len(rows) // PAGE)}


def _match(operation: Operation, database: Database, given: Mapping[str, Any]) -> Any:
    service, column, after = operation.service, operation.field, given["after"]
    rows = database.select(service, {"edition": operation.edition, column: given[column]})
    ids = [row["id"] for row in rows]
    if after and after not in ids:
        raise NotFoundError(f"after: {after!r} was not listed; give the next of the result before")
    left = ids[ids.index(after) + 1 if after else 0 :]
    listed = {"items": left[:HANDFUL], "more": len(left) > HANDFUL}
    return {**listed, "next": left[HANDFUL - 1]} if listed["more"] else listed


def _add(operation: Operation, database: Database, given: Mapping[str, Any]) -> Any:
    service = operation.service
    for field in operation.parameters:
        if isinstance(field.kind, Ref):
            database.one(SERVICES[field.kind.service], {"id": given[field.name]})
    row = {"id": database.new_id(service), "edition": operation.edition}
    row |= {field.name: given.get(field.name, field.default) for field in service.fields}
    database.insert(service, row)
    return {id_field(service).name: row["id"]}


def _change(operation: Operation, database: Database, given: Mapping[str, Any]) -> Any:
    row = database.one(operation.service, _where(operation, given))
    database.update(operation.service, row["id"], operation.field, given[operation.field])
    return {id_field(operation.service).name: row["id"], operation.field: given[operation.field]}


def _drop(operation: Operation, database: Database, given: Mapping[str, Any]) -> Any:
    row = database.one(operation.service, _where(operation, given))
    database.delete(operation.service, row["id"])
    return {id_field(operation.service).name: row["id"], "removed": True}


def _convert(operation: Operation, database: Database, given: Mapping[str, Any]) -> Any:
    rate = database.one(operation.service, _where(operation, given))["rate"]
    return {"amount": round(given["amount"] * rate, 2)}


_MECHANISMS: Mapping[Verb, Callable[[Operation, Database, Mapping[str, Any]], Any]] = {
    "look": _look,
    "find": _find,
    "browse": _browse,
    "match": _match,
    "add": _add,
    "change": _change,
    "drop": _drop,
    "convert": _convert,
}
