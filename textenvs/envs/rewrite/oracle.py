"""Scripted rewriters to compare with: functions of what the agent can see."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from textenvs.core import Baseline, Observation
from textenvs.envs.rewrite.reading import transcript

LONG = 1.4
"""A rewrite this many times as long as what was said is the work that a careless annotator spares himself."""


def last_utterance(observation: Observation) -> str:
    """Return what the user said last, without the service's reply and the label."""
    return transcript(observation).said


def copy(observation: Observation) -> str:
    """Return the user's last utterance as it is."""
    return last_utterance(observation)


def dump(observation: Observation) -> str:
    """Return everything that the world said so far, in one line."""
    said = [message["content"] for message in observation["history"] if message["role"] == "user"]
    return " ".join(" ".join(said).split())


def random(observation: Observation) -> str:
    """Return a random half of the last utterance's and the dialogue's characters or words, in random order.

    The choice follows from the observation alone, so that it is the same in every process.
    """
    said = dump(observation)
    parts = said.split() if said.isascii() else list(said)
    keyed = sorted((zlib.crc32(f"{len(said)}|{number}|{part}".encode()), part) for number, part in enumerate(parts))
    return (" " if said.isascii() else "").join(part for _, part in keyed[: max(1, len(keyed) // 2)])


def copy_what_grows(best: Callable[[], str], observation: Observation) -> str:
    """Return the best rewrite, or a copy where that would be `LONG` times as long."""
    rewrite, copied = best(), copy(observation)
    return copied if len(rewrite) >= LONG * len(copied) else rewrite


BASELINES: Mapping[str, Baseline] = MappingProxyType({"random": random, "copy": copy, "dump": dump})
"""The baselines that need nothing but the observation."""
