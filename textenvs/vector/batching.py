"""From what single environments give to the arrays that Gymnasium's vector environments give."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector.utils import concatenate, create_empty_array
from numpy.typing import NDArray

from textenvs.settlement import Info

OPAQUE = frozenset({"final_obs"})
"""Keys whose values stay as they are, one object per environment, even where they are dictionaries."""


def stack_observations(space: gym.Space[Any], observations: Sequence[Any]) -> Any:
    """Return a batch of observations in the form that Gymnasium gives batches of `space`."""
    return concatenate(space, list(observations), create_empty_array(space, n=len(observations), fn=np.zeros))


def stack_infos(infos: Sequence[Info]) -> Info:
    """Return one dictionary of arrays.

    As Gymnasium does, every key comes with a mask ``_key`` of the environments that have it, and dictionaries become
    dictionaries of arrays. Unlike there, the type is not the first environment's: numbers are floats, NaN where
    an environment has none; integers stay integers where every environment has one, and so do booleans. All else is
    an object, None where there is none.
    """
    stacked: Info = {}
    for key in dict.fromkeys(key for info in infos for key in info):
        present = np.array([key in info for info in infos], dtype=np.bool_)
        values = [info[key] for info in infos if key in info]
        if key not in OPAQUE and all(isinstance(value, Mapping) for value in values):
            stacked[key] = stack_infos([info.get(key, {}) for info in infos])
        else:
            stacked[key] = _column(values, present)
        stacked[f"_{key}"] = present
    return stacked


def _column(values: Sequence[Any], present: NDArray[np.bool_]) -> NDArray[Any]:
    everywhere = bool(present.all())
    if everywhere and all(isinstance(value, bool | np.bool_) for value in values):
        return np.array(values, dtype=np.bool_)
    if everywhere and all(_is_number(value, numbers.Integral) for value in values):
        return np.array(values, dtype=np.int64)
    if all(_is_number(value, numbers.Real) for value in values):
        column = np.full(len(present), np.nan, dtype=np.float64)
        column[present] = values
        return column
    objects = np.full(len(present), None, dtype=object)
    for place, value in zip(np.flatnonzero(present), values, strict=True):
        objects[place] = value
    return objects


def _is_number(value: Any, kind: type[numbers.Real]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_)
