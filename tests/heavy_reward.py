"""A reward whose module imports what no worker should."""

from __future__ import annotations

import torch

from textenvs import Turn


def score(turn: Turn) -> float:
    return float(torch.ones(1).item())
