"""Record: a frozen dataclass of settings that says what is wrong with a value, and can be read back from JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, get_type_hints

from textenvs.errors import ConfigError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Record:
    """Settings with checked values.

    Attributes:
        prefix: what stands before a field's name in messages and on the command line, such as ``"filters."``.
    """

    prefix: ClassVar[str] = ""

    def _require(self, holds: bool, name: str, rule: str) -> None:
        """Refuse the value of the field `name` unless the `rule` holds."""
        if not holds:
            raise ConfigError(f"{self.prefix}{name}={getattr(self, name)!r}: {rule}")

    def _require_default(self, names: Iterable[str], rule: str) -> None:
        """Refuse values of fields that nothing reads, unless they are the defaults."""
        defaults = {field.name: field.default for field in fields(self)}
        for name in names:
            self._require(getattr(self, name) == defaults[name], name, rule)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build the record from field names and values, as a file or a checkpoint holds them; records nest.

        Raises:
            UnknownNameError: if a name is no field; it gives the nearest ones.
            ConfigError: if a value is out of range, or no mapping where a record is wanted.
        """
        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                raise UnknownNameError.of(
                    f"setting of {cls.__name__}", cls.prefix + name, [cls.prefix + n for n in names]
                )
        types = get_type_hints(cls)
        return cls(**{name: _read(types[name], cls.prefix + name, value) for name, value in values.items()})


def _read(kind: Any, name: str, value: Any) -> Any:
    """Return a field's value; a record's comes as a mapping."""
    if not (isinstance(kind, type) and issubclass(kind, Record)) or isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name}={value!r}: must be a mapping of {', '.join(field.name for field in fields(kind))}")
    return kind.from_mapping(value)
