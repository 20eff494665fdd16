"""Where the settings of a long command come from: a file, ``--set NAME=VALUE`` and flags, the later the stronger.

Such a command shows its most used settings as flags; every other one is set by its dotted name.
"""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import tyro

from agents.cli.parse import parse
from agents.cli.settings import Setting, form_of, read_form, settings_of, with_values
from textenvs.errors import UsageError, check_known

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where settings come from, beside the flags; a command's options inherit from it."""

    config: Path | None = None
    """A .toml, .yaml or .json file of settings, such as the config.json of an earlier run; flags go before it."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A setting that has no flag, as NAME=VALUE, such as sft.lapses=0.5; --dry-run shows them all. Repeatable."""


def parse_settings(options: R, shown: Collection[str], args: Sequence[str], prog: str, facts: Mapping[str, str]) -> R:
    """Parse the arguments of a command whose options inherit from `Sources`.

    Args:
        options: with every default.
        shown: the settings that are flags; a name that does not exist here is left out.
        args: what follows the command's name.
        prog: the command, for help and errors.
        facts: what a file may say of itself beside its settings, such as the algorithm it is for.

    Raises:
        UnknownNameError: for a setting or an option that does not exist.
        UsageError: for a value that does not fit, or a file that cannot be read or is for something else.
    """
    flags = {"--" + name.replace("_", "-"): name for name in settings_of(options) if name not in shown}
    for given in args:
        if name := flags.get(given.split("=")[0].replace("_", "-")):
            raise UsageError(f"{name} has no flag; set it by --set {name}=VALUE, or in a --config file")
    sources = _sources(args)
    if sources.config is not None:
        options = apply_settings(options, _read(sources.config, facts), f"--config {sources.config}", prog)
    options = apply_settings(options, dict(map(_assignment, sources.set)), "--set", prog)
    form = parse(form_of(options, shown), args, prog)
    return with_values(options, read_form(form, options))


def _sources(args: Sequence[str]) -> Sources:
    """Return the file and the assignments among the arguments; what is wrong with the others is said later."""
    if {"-h", "--help"} & set(args):
        return Sources()
    sources, _ = tyro.cli(Sources, args=_only(args, ("--config", "--set")), return_unknown_args=True)
    return sources


def _only(args: Sequence[str], flags: Collection[str]) -> list[str]:
    """Return those flags and what follows each."""
    kept: list[str] = []
    for place, given in enumerate(args):
        if given.split("=")[0] in flags:
            kept += [given] if "=" in given else list(args[place : place + 2])
    return kept


def _read(path: Path, facts: Mapping[str, str]) -> dict[str, Any]:
    """Return what a configuration file holds, without what it says of itself."""
    read = _READERS.get(path.suffix, tomllib.loads)
    try:
        tree: Any = read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--config {path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise UsageError(f"--config {path} must hold an object of settings, not a {type(tree).__name__}")
    values = cast("dict[str, Any]", tree)
    for name, expected in facts.items():
        if values.pop(name, expected) != expected:
            raise UsageError(f"--config {path} is for another {name} than {expected!r}")
    return values


def _read_yaml(text: str) -> Any:
    """Return what a YAML file holds, as JSON would: names are texts, and so are dates.

    Raises:
        ValueError: if it is no YAML, or holds what JSON cannot.
    """
    import yaml  # here, for most commands read none

    try:
        return json.loads(json.dumps(yaml.safe_load(text), default=str))
    except (yaml.YAMLError, TypeError, RecursionError) as error:
        raise ValueError(error) from None


_READERS: Mapping[str, Callable[[str], Any]] = {".json": json.loads, ".yaml": _read_yaml, ".yml": _read_yaml}


def as_toml(value: Any) -> str:
    """Return a value as ``--set`` reads it; what is no TOML is taken for text."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _assignment(text: str) -> tuple[str, Any]:
    """Return name and value of ``NAME=VALUE``; a value that is neither TOML nor a JSON object is a string."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text!r} must be NAME=VALUE, such as --set sft.lapses=0.5")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), _json_object(value) or value


def _json_object(text: str) -> dict[str, Any] | None:
    with contextlib.suppress(json.JSONDecodeError):
        value: Any = json.loads(text)
        return cast("dict[str, Any]", value) if isinstance(value, dict) else None
    return None


def apply_settings(options: R, tree: Mapping[str, Any], source: str, prog: str) -> R:
    """Return the options with the values of a file or of assignments, checked as the flags are.

    Args:
        options: a record of settings.
        tree: values, nested or by dotted name.
        source: of them, for errors.
        prog: the command, for errors.

    Raises:
        UnknownNameError: for a setting that does not exist.
        UsageError: for a value that does not fit.
    """
    settings = settings_of(options)
    values = dict(flatten(tree, settings))
    for name in values:
        check_known(f"setting in {source}", name, settings, f"{prog} --dry-run")
    arguments = [argument for name, value in values.items() for argument in as_arguments(name, value)]
    try:
        form = parse(form_of(options, values), arguments, prog)
        return with_values(options, read_form(form, options))
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from None


def flatten(tree: Mapping[str, Any], settings: Mapping[str, Setting], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield values by dotted name; a table for a setting that takes text is the JSON object which that text holds."""
    for key, value in tree.items():
        name = prefix + key.replace("-", "_")
        if isinstance(value, Mapping) and name not in settings:
            yield from flatten(cast("Mapping[str, Any]", value), settings, f"{name}.")
        elif isinstance(value, Mapping) and settings[name].takes_text:
            yield name, json.dumps(value, ensure_ascii=False)
        elif name not in settings and f"{name}.fn" in settings:
            yield f"{name}.fn", value  # the short way to name a reward, as for flags
        else:
            yield name, value


def as_arguments(name: str, value: Any) -> list[str]:
    """Return the arguments by which tyro reads this value."""
    path, dot, last = name.replace("_", "-").rpartition(".")
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value).items()
        return [f"--{path}{dot}{last}", *(str(part) for pair in pairs for part in pair)]
    if isinstance(value, bool):
        return [f"--{path}{dot}{'' if value else 'no-'}{last}"]
    return [f"--{path}{dot}{last}", *(map(str, cast("list[Any]", value)) if isinstance(value, list) else [str(value)])]
