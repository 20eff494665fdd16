"""Simulated users: what they want is hidden, what they say is all that an agent learns of it."""

from textenvs.users.core import (
    ANSWERS,
    FREE,
    Act,
    ActKind,
    Heard,
    Move,
    MoveKind,
    Said,
    SimulatedUser,
    Verdict,
)

__all__ = ["ANSWERS", "FREE", "Act", "ActKind", "Heard", "Move", "MoveKind", "Said", "SimulatedUser", "Verdict"]
