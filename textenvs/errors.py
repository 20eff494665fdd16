"""Every error that the project raises on purpose.

    TextEnvsError
    ├── UsageError (also ValueError)      what the user gave is wrong; the message says how to mend it
    │   ├── UnknownNameError              an id, algorithm, field, part or baseline that does not exist
    │   ├── RewardSpecError               a reward that cannot be built or serialised
    │   ├── CorpusError                   a data file with malformed rows: file, line, reason
    │   ├── ConfigError                   a configuration value out of range, or fields that contradict
    │   └── EndpointError                 a chat endpoint that is down, refuses, or makes no sense
    ├── ResetNeededError (RuntimeError)   step before reset, or after the end of an episode
    ├── CheckpointError                   a run folder that is damaged or from another configuration
    ├── StoreUnavailableError             the store of feedback cannot be read or written now; try again
    ├── EnvironmentFaultError             an environment or worker failed; the episode is data, not a crash
    └── ConformanceError                  an environment breaks rules of the conformance kit

The command line prints a `UsageError` as one line and exits with status 2; everything else is a bug.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Self


class TextEnvsError(Exception):
    """Base of every error the project raises on purpose."""


class UsageError(TextEnvsError, ValueError):
    """What the user gave is wrong."""


class UnknownNameError(UsageError):
    """A name that does not exist, with the nearest ones that do."""

    @classmethod
    def of(cls, kind: str, given: str, valid: Iterable[str], listing: str = "") -> Self:
        """Build the error.

        Args:
            kind: what the name stands for, such as ``"algorithm"``.
            given: what the user wrote.
            valid: every name that exists.
            listing: the command that lists them, if there is one.
        """
        names = sorted(valid)
        near = difflib.get_close_matches(given, names, n=3, cutoff=0.4)
        message = f"unknown {kind} {given!r}; "
        message += f"did you mean {' or '.join(map(repr, near))}?" if near else f"valid: {', '.join(names)}"
        return cls(message + (f" List them all: {listing}" if listing else ""))


def check_known(kind: str, given: str, valid: Iterable[str], listing: str = "") -> None:
    """Refuse a name that does not exist.

    Args:
        kind: what the name stands for, such as ``"algorithm"``.
        given: what the user wrote.
        valid: every name that exists.
        listing: the command that lists them, if there is one.

    Raises:
        UnknownNameError: if `given` is none of `valid`.
    """
    names = tuple(valid)
    if given not in names:
        raise UnknownNameError.of(kind, given, names, listing)


class RewardSpecError(UsageError):
    """A reward specification that cannot be built or serialised."""


class CorpusError(UsageError):
    """A data file with malformed rows: each problem names file, line and reason."""


class ConfigError(UsageError):
    """A configuration value out of range, or fields that contradict each other."""


class EndpointError(UsageError):
    """A chat endpoint that is down, refuses, or answers what makes no sense; during a run it is data, not a crash."""


class ResetNeededError(TextEnvsError, RuntimeError):
    """`step` was called before `reset`, or after the end of an episode."""


class CheckpointError(TextEnvsError):
    """A run folder that is damaged, incomplete or from another configuration."""


class StoreUnavailableError(TextEnvsError):
    """The store of feedback is away, full or busy; what was to be written was not, and can be tried again."""


class EnvironmentFaultError(TextEnvsError):
    """An environment or its worker failed during an episode."""


class ConformanceError(TextEnvsError):
    """An environment breaks rules of the conformance kit; the message names rule, evidence and remedy."""
