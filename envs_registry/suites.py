"""Suites: named, versioned, hashed lists of items, so that a score says what it was measured on.

A slice is id x settings x split x items; a suite is several slices. What the items of a slice are was frozen as a
digest in ``suites.json``. A generator that makes other items gives another digest: the suite then has another hash,
and `changes` names the slices. After a change that is meant, raise `VERSION` and run
``python -m envs_registry.suites``.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import gymnasium as gym

VERSION = 2
"""Of all suites; raised when their items change on purpose."""

ITEMS = 50
"""Items of a slice."""

LANGUAGES = ("zh", "en")
SPLITS = ("valid", "test")

FAMILIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "rewrite": ("MultiTurnRewrite-v0", ("tiny", "easy", "medium", "hard")),
    "toolcall": ("ToolCall-v0", ("small", "medium", "hard")),
    "dialogue": ("DialogueStrategy-v0", ("small", "full")),
}
"""Id and levels of every family that has suites."""

_FROZEN = "suites.json"


@dataclass(frozen=True)
class Slice:
    """Items of one environment under one setting.

    Attributes:
        name: such as ``"rewrite-zh-easy-test"``.
        env_id: of the environment.
        settings: for `gymnasium.make`, beside the split.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        indices: of the items.
        digest: hash of what the items are; ``""`` where nobody has frozen it.
    """

    name: str
    env_id: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    split: str = "test"
    indices: tuple[int, ...] = tuple(range(ITEMS))
    digest: str = ""

    def make(self, **settings: Any) -> gym.Env[Any, Any]:
        """Make the environment.

        Args:
            settings: that go before the slice's own, such as another reward.
        """
        everything: dict[str, Any] = {**self.settings, **settings, "split": self.split}
        return gym.make(self.env_id, disable_env_checker=True, **everything)

    def measured(self) -> Slice:
        """Return the slice with the digest of the items that the environment makes now."""
        env: Any = self.make().unwrapped
        digest = hashlib.blake2b(digest_size=8)
        for index in self.indices:
            observation, _ = env.reset(options={"index": index})
            shown = (observation["instruction"], observation["tools"], [dict(m) for m in observation["history"]])
            digest.update(json.dumps([env.item_hash(), *shown]).encode())
        return replace(self, digest=digest.hexdigest())

    def as_dict(self) -> dict[str, Any]:
        """Return the slice for JSON."""
        return {**vars(self), "settings": dict(self.settings), "indices": list(self.indices)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Slice:
        """Build the slice again from what `as_dict` returned."""
        fields: dict[str, Any] = {**record, "indices": tuple(record["indices"])}
        return cls(**fields)


@dataclass(frozen=True)
class Suite:
    """Slices under one name.

    Attributes:
        name: such as ``"rewrite-zh-test"``.
        slices: what it is made of.
        version: of its definition.
    """

    name: str
    slices: tuple[Slice, ...]
    version: int = VERSION

    @property
    def hash(self) -> str:
        """A hash of all that it stands for: ids, settings, splits, indices and what the items are."""
        facts = json.dumps([self.version, self.as_dicts()], sort_keys=True)
        return hashlib.blake2b(facts.encode(), digest_size=6).hexdigest()

    @property
    def n_items(self) -> int:
        """How many items it has."""
        return sum(len(one.indices) for one in self.slices)

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the slices for JSON."""
        return [one.as_dict() for one in self.slices]

    def measured(self) -> Suite:
        """Return the suite of the items that the environments make now; it has another hash if they have changed."""
        return replace(self, slices=tuple(one.measured() for one in self.slices))

    def __str__(self) -> str:
        return f"{self.name} v{self.version} ({self.hash})"


def changes(frozen: Suite, measured: Suite) -> tuple[str, ...]:
    """Return the names of the slices whose items are others than those that were frozen."""
    pairs = zip(frozen.slices, measured.slices, strict=True)
    return tuple(before.name for before, after in pairs if before.digest and before.digest != after.digest)


@functools.cache
def all_suites() -> Mapping[str, Suite]:
    """Return every suite by name.

    A family has one for each language and split, and one for both languages, such as ``"rewrite-test"``;
    ``"all-valid"`` and ``"all-test"`` hold every family.
    """
    frozen = json.loads(resources.files("envs_registry").joinpath(_FROZEN).read_text(encoding="utf-8"))
    slices = [replace(one, digest=frozen.get(one.name, "")) for one in _slices()]
    suites = [_suite(f"{part}{split}", slices, part, split) for split in SPLITS for part in ("all-", *_parts())]
    return {suite.name: suite for suite in suites}


def _parts() -> Iterator[str]:
    """Yield what the names of suites begin with, which is what the names of their slices begin with."""
    for family in FAMILIES:
        yield f"{family}-"
        yield from (f"{family}-{language}-" for language in LANGUAGES)


def _suite(name: str, slices: Iterable[Slice], part: str, split: str) -> Suite:
    chosen = (one for one in slices if one.split == split and (part == "all-" or one.name.startswith(part)))
    return Suite(name, tuple(chosen))


def _slices() -> Iterator[Slice]:
    for family, (env_id, levels) in FAMILIES.items():
        for split in SPLITS:
            for language in LANGUAGES:
                for level in levels:
                    settings = {"language": language, "difficulty": level}
                    yield Slice(f"{family}-{language}-{level}-{split}", env_id, settings, split)


def freeze(path: Path) -> None:
    """Write the digests of the items that the environments make now."""
    digests = {one.name: one.measured().digest for one in _slices()}
    path.write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    freeze(Path(__file__).with_name(_FROZEN))
