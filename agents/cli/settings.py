"""Settings by dotted name, such as ``sft.epochs``: what flags, ``--set`` and configuration files all speak of."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, make_dataclass
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import tyro
from docstring_parser import parse_from_object

from textenvs.errors import check_known

FLAT = {"flat": True}
"""Metadata of a nested record whose settings are named without its own name in front."""

R = TypeVar("R")


@dataclass(frozen=True)
class Setting:
    """One setting of a record.

    Attributes:
        name: dotted.
        type: its annotation.
        value: in the record.
        help: its docstring.
    """

    name: str
    type: Any
    value: Any
    help: str

    @property
    def takes_text(self) -> bool:
        """Whether its value is a string."""
        return self.type is str or str in get_args(self.type)


def settings_of(record: Any) -> dict[str, Setting]:
    """Return every setting of a record, nested ones by dotted name."""
    return {setting.name: setting for setting in _walk(record, "")}


def with_values(record: R, values: Mapping[str, Any]) -> R:
    """Return the record with other values, given by dotted name; every nested record is checked once, as a whole.

    Raises:
        UnknownNameError: if a name is no setting's; that of a nested record is none.
    """
    known = settings_of(record)
    for name in values:
        check_known("setting", name, known)
    return _rebuild(record, values, "")


def as_tree(record: Any) -> dict[str, Any]:
    """Return all settings as nested mappings: what a configuration file holds."""
    tree: dict[str, Any] = {}
    for name, setting in settings_of(record).items():
        *path, last = name.split(".")
        place = tree
        for key in path:
            place = place.setdefault(key, {})
        place[last] = setting.value
    return tree


def form_of(record: Any, shown: Collection[str]) -> type[Any]:
    """Return a dataclass with the shown settings of a record only, nested as they are: what flags are read into."""
    return _form(record, shown, "")


def read_form(form: Any, record: Any) -> dict[str, Any]:
    """Return what a form of this record has read, by dotted name."""
    return dict(_values(form, record, ""))


def _walk(record: Any, prefix: str) -> Iterator[Setting]:
    hints, docs = get_type_hints(type(record), include_extras=True), _docs(type(record))
    for entry in dataclasses.fields(record):
        value, name = getattr(record, entry.name), prefix + entry.name
        if dataclasses.is_dataclass(value):
            yield from _walk(value, _inside(entry, prefix))
        else:
            yield Setting(name, hints[entry.name], value, docs.get(entry.name, ""))


@functools.cache
def _docs(kind: type[Any]) -> dict[str, str]:
    """Return the docstring of every field, the inherited ones too."""
    docs: dict[str, str] = {}
    for parent in reversed(kind.__mro__[:-1]):
        if dataclasses.is_dataclass(parent):
            docs |= {p.arg_name: p.description or "" for p in parse_from_object(parent).params}
    return docs


def _inside(entry: dataclasses.Field[Any], prefix: str) -> str:
    return prefix if entry.metadata.get("flat") else f"{prefix}{entry.name}."


def _rebuild(record: Any, values: Mapping[str, Any], prefix: str) -> Any:
    changed: dict[str, Any] = {}
    for entry in dataclasses.fields(record):
        value = getattr(record, entry.name)
        if dataclasses.is_dataclass(value):
            changed[entry.name] = _rebuild(value, values, _inside(entry, prefix))
        elif prefix + entry.name in values:
            changed[entry.name] = values[prefix + entry.name]
    return dataclasses.replace(record, **changed)


def _form(record: Any, shown: Collection[str], prefix: str) -> type[Any]:
    hints, docs = get_type_hints(type(record), include_extras=True), _docs(type(record))
    entries: list[Any] = []
    for entry in dataclasses.fields(record):
        value = getattr(record, entry.name)
        if dataclasses.is_dataclass(value):
            inner = _form(value, shown, _inside(entry, prefix))
            name = "" if entry.metadata.get("flat") else entry.name
            kind = Annotated[inner, tyro.conf.arg(name=name)]
            if dataclasses.fields(inner):
                entries.append((entry.name, kind, field(default_factory=inner)))
        elif prefix + entry.name in shown:
            kind = Annotated[hints[entry.name], tyro.conf.arg(help=docs.get(entry.name))]
            entries.append((entry.name, kind, field(default=value)))
    namespace = {"__doc__": type(record).__doc__}
    return make_dataclass(type(record).__name__, entries, frozen=True, kw_only=True, namespace=namespace)


def _values(form: Any, record: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    entries = {entry.name: entry for entry in dataclasses.fields(record)}
    for entry in dataclasses.fields(form):
        value = getattr(form, entry.name)
        if dataclasses.is_dataclass(value):
            yield from _values(value, getattr(record, entry.name), _inside(entries[entry.name], prefix))
        else:
            yield prefix + entry.name, value
