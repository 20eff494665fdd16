"""The process's global random generators, as JSON holds them.

Nothing of ours draws from them: items, shuffles and sampling noise are functions of the seed and of counts, and every
environment is reseeded at its reset. A reward or an environment of the user's own may, and must repeat all the same.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

Generators = Mapping[str, Any]


def capture_generators() -> Generators:
    """Return the state of Python's, numpy's and torch's global generators, those of every GPU included."""
    version, words, gauss = random.getstate()
    numpy_state: Any = np.random.get_state(legacy=False)  # noqa: NPY002 (it is kept, not drawn from)
    return {
        "python": [version, list(words), gauss],
        "numpy": {**numpy_state, "state": {**numpy_state["state"], "key": numpy_state["state"]["key"].tolist()}},
        "torch": _hex(torch.get_rng_state()),
        "cuda": [_hex(state) for state in torch.cuda.get_rng_state_all()] if torch.cuda.is_available() else [],
    }


def seed_generators(seed: int) -> None:
    """Seed Python's, numpy's and torch's global generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (for code of the user's that draws from it)
    torch.manual_seed(seed)


def restore_generators(state: Generators) -> None:
    """Set the global generators to what `capture_generators` returned; of the GPUs, as many as there are now."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    np.random.set_state({**state["numpy"]})  # noqa: NPY002
    torch.set_rng_state(_bytes(state["torch"]))
    for device, text in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(_bytes(text), device)


def _hex(state: torch.Tensor) -> str:
    return state.numpy().tobytes().hex()


def _bytes(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8)
