"""Plan: a pipeline as its YAML file says it, checked.

    settings:                  # of every stage that has them
      model: tiny
    stages:
      warm:
        command: sft           # what `textenvs` is called with
        settings: {sft: {rows: 2000}}
      better:
        command: train ppo
        settings: {init: "{warm}", episodes: 2000}
    evaluation:                # of every stage that leaves a policy, by textenvs eval
      suites: [rewrite-test]   # without any, on the environment of its settings, or of the shared ones
      settings: {max_new_tokens: 32}

``{warm}`` stands for the folder of the stage ``warm``, and makes this stage wait for that one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, cast

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from textenvs.corpus_file import find_file, read_text
from textenvs.errors import ConfigError, UnknownNameError, check_known

EVAL = ("eval",)
"""The command that measures."""

REFERENCE = re.compile(r"\{([\w-]+)\}")
"""What stands for the folder of a stage within a setting."""

_NAME = "^[A-Za-z0-9][A-Za-z0-9_-]*$"
_STAGE = {
    "type": "object",
    "required": ["command"],
    "properties": {"command": {"type": "string", "minLength": 1}, "settings": {"type": "object"}},
    "additionalProperties": False,
}
_SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "required": ["stages"],
        "properties": {
            "about": {"type": "string"},
            "settings": {"type": "object"},
            "stages": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": _NAME},
                "additionalProperties": _STAGE,
            },
            "evaluation": {
                "type": "object",
                "properties": {
                    "suites": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                    "settings": {"type": "object"},
                },
                "additionalProperties": False,
            },
        },
        "additionalProperties": False,
    }
)


@dataclass(frozen=True)
class Stage:
    """One call of a command.

    Attributes:
        name: of the stage, and of its folder.
        command: such as ``("train", "ppo")``.
        settings: of the command by dotted name, the shared ones included.
        depends: on what else its result depends, such as the hash of a suite.
        measures_on: the suite or environment on which it measures another stage, if it was added for that.
    """

    name: str
    command: tuple[str, ...]
    settings: Mapping[str, Any]
    depends: Mapping[str, str] = field(default_factory=dict[str, str])
    measures_on: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """The stages whose folders its settings name, in order."""
        found = (name for value in _texts(self.settings) for name in REFERENCE.findall(value))
        return tuple(dict.fromkeys(found))

    def resolved(self, folder: Path) -> dict[str, Any]:
        """Return the settings with every reference as a path.

        Args:
            folder: of the pipeline.
        """
        return {name: _resolve(value, folder) for name, value in self.settings.items()}


@dataclass(frozen=True)
class Plan:
    """A pipeline.

    Attributes:
        stages: in an order in which they can run.
        evaluation: settings of ``textenvs eval``, by which every stage that leaves a policy is measured; None measures
            none.
        suites: that it plays; without any, the environment of its settings.
        about: what it is for.
    """

    stages: tuple[Stage, ...]
    evaluation: Mapping[str, Any] | None = None
    suites: tuple[str, ...] = ()
    about: str = ""


NamesOf = Callable[[tuple[str, ...]], Collection[str]]
"""Given a command, returns the names of its settings, or raises `UnknownNameError` if there is none."""


def read_plan(path: str | Path, names_of: NamesOf) -> Plan:
    """Read a pipeline from its YAML file.

    Args:
        path: of the file.
        names_of: the settings of each command, by which shared ones find the stages that have them.

    Raises:
        CorpusError: if there is no such file, or it is not UTF-8.
        ConfigError: if it is no pipeline, or its stages wait for each other in a circle; the message says where.
        UnknownNameError: if there is no such command or setting, or a setting names a stage that does not exist.
    """
    file = find_file(path)
    try:
        content: Any = yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from None
    if error := best_match(_SCHEMA.iter_errors(content)):
        raise ConfigError(f"{file}: {error.json_path.removeprefix('$.')}: {error.message}")
    commands = {name: tuple(stage["command"].split()) for name, stage in content["stages"].items()}
    names = {command: names_of(command) for command in (*commands.values(), EVAL)}
    shared = _flatten(
        content.get("settings", {}), {one for each in names.values() for one in each}, f"{file}, settings"
    )
    stages: dict[str, Stage] = {}
    for name, command in commands.items():
        own = _flatten(content["stages"][name].get("settings", {}), names[command], f"{file}, {name}")
        stages[name] = Stage(name, command, {**_shared_with(names[command], shared), **own})
    plan, evaluation = Plan(_ordered(stages, file), about=content.get("about", "")), content.get("evaluation")
    if evaluation is None:
        return plan
    suites = tuple(evaluation.get("suites", ()))
    # A suite sets up its environments itself; without any, an evaluation plays what the stages play.
    inherited = {} if suites else _shared_with(names[EVAL], shared)
    own = _flatten(evaluation.get("settings", {}), names[EVAL], f"{file}, evaluation")
    return replace(plan, evaluation={**inherited, **own}, suites=suites)


def _shared_with(names: Collection[str], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return those shared settings that a command has."""
    return {name: value for name, value in shared.items() if name in names}


def _flatten(tree: Mapping[str, Any], names: Collection[str], where: str, prefix: str = "") -> dict[str, Any]:
    """Return nested settings by dotted name; below a name that is a setting, a table is its value."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = prefix + str(key).replace("-", "_")
        if name in names:
            flat[name] = value
        elif isinstance(value, Mapping):
            flat |= _flatten(cast("Mapping[str, Any]", value), names, where, f"{name}.")
        else:
            raise UnknownNameError.of(f"setting in {where}:", name, names)
    return flat


def _ordered(stages: Mapping[str, Stage], file: Path) -> tuple[Stage, ...]:
    for stage in stages.values():
        for name in stage.needs:
            check_known(f"stage in {file}, {stage.name}", name, stages)
    try:
        order = TopologicalSorter({name: stage.needs for name, stage in stages.items()}).static_order()
        return tuple(stages[name] for name in order)
    except CycleError as error:
        circle: Sequence[str] = error.args[1]
        raise ConfigError(f"{file}: stages wait for each other: {' -> '.join(reversed(circle))}") from None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for entry in cast("Mapping[str, Any]", value).values():
            yield from _texts(entry)
    elif isinstance(value, list):
        for entry in cast("list[Any]", value):
            yield from _texts(entry)


def _resolve(value: Any, folder: Path) -> Any:
    if isinstance(value, str):
        return REFERENCE.sub(lambda found: str(folder / found.group(1)), value)
    if isinstance(value, list):
        return [_resolve(entry, folder) for entry in cast("list[Any]", value)]
    return value
