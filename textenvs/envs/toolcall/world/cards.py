"""How operations are offered as tools: names, descriptions and schemas, all from the services' specifications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from textenvs.dice import Dice
from textenvs.envs.toolcall.types import Language
from textenvs.envs.toolcall.world.kinds import Ref, Words, both
from textenvs.envs.toolcall.world.operations import HANDFUL, PAGE, Operation
from textenvs.envs.toolcall.world.services import SERVICES
from textenvs.envs.toolcall.world.spec import Field, Service, Verb
from textenvs.partition import MODULUS, RESIDUES
from textenvs.seeding import Split
from textenvs.tools import Tool

_VERBS: Mapping[Verb, tuple[str, ...]] = {
    "look": ("get", "read", "fetch", "show", "view"),
    "find": ("find", "search", "locate", "lookup", "query"),
    "browse": ("list", "browse", "page", "scan", "index"),
    "match": ("filter", "match", "select", "pick", "collect"),
    "add": ("create", "add", "new", "make", "submit"),
    "change": ("set", "update", "edit", "modify", "change"),
    "drop": ("cancel", "delete", "remove", "drop", "discard"),
    "convert": ("convert", "exchange", "compute", "translate", "calculate"),
}

_STYLES: tuple[Callable[[str, list[str]], str], ...] = (
    lambda verb, noun: "_".join([verb, *noun]),
    lambda verb, noun: verb + "".join(word.title() for word in noun),
    lambda verb, noun: "_".join([*noun, verb]),
    lambda verb, noun: f"{'_'.join(noun)}.{verb}",
    lambda verb, noun: "-".join([verb, *noun]),
)

_DESCRIPTIONS: Mapping[Verb, Words] = {
    "look": both("查询{noun}的信息。", "Read one {noun}."),
    "find": both("按{title}查找{noun}的编号。", "Find the ID of a {noun} by its {title}."),
    "browse": both("列出所有{noun}，每页{page}个。", "List every {noun}, {page} a page."),
    "match": both(
        "按{field}列出{noun}的编号，每次{handful}个；more 为真时，把 next 作为 after 接着列。",
        "List {noun} IDs by {field}, {handful} at a time; where there is more, pass next as after.",
    ),
    "add": both("{act}。", "{act}."),
    "change": both("修改{noun}的{field}。", "Change the {field} of a {noun}."),
    "drop": both("{act}{noun}。", "{act} a {noun}."),
    "convert": both("按{noun}换算金额。", "Convert an amount by {noun}."),
}

_BACKUP: Words = both("{description}备用线路，数据相同。", "{description} Backup line, same data.")


@dataclass(frozen=True, slots=True)
class Card:
    """A tool on offer.

    Attributes:
        name: as the agent calls it.
        operation: what it does.
        backup: whether it is the second tool for the same operation.
    """

    name: str
    operation: Operation
    backup: bool = False


class Namer:
    """Names the tools of one episode, in one style and with verbs that go with it in this split.

    Args:
        split: whose combinations of style and verb.
        masked: whether names say nothing, so that descriptions must be read.
        dice: where the choices come from.
    """

    def __init__(self, split: Split, masked: bool, dice: Dice) -> None:
        self._style = dice.below(len(_STYLES))
        self._verb = (dice.pick(RESIDUES[split]) - self._style) % MODULUS
        self._masked = masked
        self._given = 0

    def card(self, operation: Operation, backup: bool = False) -> Card:
        """Name an operation."""
        self._given += 1
        if self._masked:
            return Card(f"tool_{self._given}", operation, backup)
        return _named(operation, self._style, self._verb, backup)


@cache
def _named(operation: Operation, style: int, verb: int, backup: bool) -> Card:
    words = [operation.edition, operation.service.name, operation.field, "backup" if backup else ""]
    noun = [word for part in words for word in part.removesuffix("_id").split("_") if word]
    return Card(_STYLES[style](_VERBS[operation.verb][verb], noun), operation, backup)


@cache
def noun_of(service: Service, edition: str, language: Language) -> str:
    """Return what people call a record of an edition."""
    if not edition:
        return service.noun[language]
    return service.editions[edition][language] + ("" if language == "zh" else " ") + service.noun[language]


@cache
def act_of(operation: Operation, language: Language) -> str:
    """Return how people ask for an operation that has an act."""
    noun = noun_of(operation.service, operation.edition, language)
    return operation.service.acts[operation.verb][language].format(noun=noun)


@cache
def description_of(card: Card, language: Language) -> str:
    """Return what a tool is said to do."""
    operation, service = card.operation, card.operation.service
    act = act_of(operation, language) if operation.verb in service.acts else ""
    text = _DESCRIPTIONS[operation.verb][language].format(
        noun=noun_of(service, operation.edition, language),
        title=service.field(service.title).label[language] if service.title else "",
        field=service.field(operation.field).label[language] if operation.field else "",
        act=act[:1].upper() + act[1:],
        page=PAGE,
        handful=HANDFUL,
    )
    return _BACKUP[language].format(description=text) if card.backup else text


@cache
def parameters_of(operation: Operation, language: Language, brief: bool) -> Mapping[str, Any]:
    """Return the JSON Schema of an operation's arguments.

    Args:
        operation: whose.
        language: of the descriptions.
        brief: whether only what is required is there, with its type.
    """
    required = [one.name for one in operation.parameters if one.default is None]
    if brief:
        properties = {one.name: _type(one) for one in operation.parameters if one.default is None}
        return {"type": "object", "properties": properties, "required": required}
    properties = {one.name: _property(one, language) for one in operation.parameters}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _type(field: Field) -> dict[str, Any]:
    return {name: value for name, value in field.kind.schema().items() if name in ("type", "enum")}


def _property(field: Field, language: Language) -> dict[str, Any]:
    label = field.label[language]
    if isinstance(field.kind, Ref) and not field.name.startswith(field.kind.service):
        label += ("（{}编号）" if language == "zh" else " ({} ID)").format(SERVICES[field.kind.service].noun[language])
    notes = [part for part in (label, field.kind.hint(language)) if part]
    default = {} if field.default is None else {"default": field.default}
    return {**field.kind.schema(), "description": ("，" if language == "zh" else ", ").join(notes), **default}


@cache
def schema_of(card: Card, language: Language, brief: bool) -> str:
    """Return a tool as the agent is shown it, as JSON text."""
    return tool_of(card, language, brief, card.operation.run).schema()


def tool_of(card: Card, language: Language, brief: bool, function: Callable[..., Any]) -> Tool:
    """Return a tool that can be called.

    Args:
        card: what is offered.
        language: of the descriptions.
        brief: see `parameters_of`.
        function: is called with the arguments.
    """
    return Tool(card.name, description_of(card, language), parameters_of(card.operation, language, brief), function)
