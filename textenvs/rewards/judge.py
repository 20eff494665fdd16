"""A chat model as a judge: of single answers, as a reward, and of pairs, for preferences. Needs the extra ``judge``.

A verdict that the endpoint does not give is missing, never 0. Verdicts on many turns are asked for at once, as many at
a time as the endpoint takes, and kept where it has a cache; `client_of(endpoint).usage` counts what they cost.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from textenvs.chat_client import ChatRequest, Endpoint, Reply, client_of
from textenvs.errors import ConfigError
from textenvs.faults import Fault
from textenvs.messages import Message, Turn
from textenvs.rewards.core import Score
from textenvs.rewards.rubric import (
    FIELDS,
    PAIR,
    SCALE,
    NoVerdictError,
    Preference,
    check_rubric,
    conversation,
    fenced,
    read_preference,
    read_score,
)

logger = logging.getLogger("textenvs.rewards")

V = TypeVar("V")

_PAIR_FIELDS = ("instruction", "conversation", "first", "second")


class Judge:
    """A reward that a chat model gives: how good the answer is, by a rubric.

    The answer is judged without its thinking. A judge can be copied and pickled, for it holds no connection.

    Args:
        endpoint: ``"URL#MODEL"``, or an `Endpoint` where more is to be set.
        rubric: what the judge is told, with ``$candidate`` and, if wanted, the other `FIELDS`.
        scale: lowest and highest score that the judge may give; they become 0 and 1.
        reference: what stands for ``$reference``: a function of the turn, such as its gold answer.
        name: of the part.
        attempts: most tries at one verdict, each with a seed of its own.
        max_tokens: longest reply.

    Raises:
        ConfigError: if the endpoint is none, or the rubric lacks the candidate.
    """

    def __init__(
        self,
        endpoint: str | Endpoint,
        rubric: str = SCALE,
        *,
        scale: tuple[float, float] = (0.0, 10.0),
        reference: Callable[[Turn], str] | None = None,
        name: str = "judge",
        attempts: int = 2,
        max_tokens: int = 512,
    ) -> None:
        if not scale[0] < scale[1]:
            raise ConfigError(f"scale={scale}: the lowest score comes first")
        self.endpoint = Endpoint.of(endpoint)
        self.__name__ = name
        self._rubric = check_rubric(rubric, ("candidate",), FIELDS)
        if reference is None and "reference" in self._rubric.get_identifiers():
            raise ConfigError("the rubric mentions $reference; give reference=, a function of the turn")
        self._scale = scale
        self._reference = reference
        self._asking = _Asking(self.endpoint, attempts, max_tokens)

    def __call__(self, turn: Turn) -> Score:
        """Judge one turn."""
        return self.score_batch((turn,))[0]

    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        """Judge many turns at once; each score lies in [0, 1] or is missing."""
        low, high = self._scale
        verdicts = self._asking.verdicts([self._told(turn) for turn in turns], lambda text: read_score(text, low, high))
        return [
            Score.missing((self.__name__,), Fault.REWARD_FAILED)
            if verdict is None
            else Score((verdict - low) / (high - low), {self.__name__: (verdict - low) / (high - low)})
            for verdict in verdicts
        ]

    def check(self) -> None:
        """Ask the endpoint for one token, to see before a run that it answers.

        Raises:
            EndpointError: saying what is wrong.
        """
        client_of(self.endpoint).check()

    def _told(self, turn: Turn) -> str:
        return self._rubric.substitute(
            instruction=fenced(turn.instruction),
            conversation=conversation(turn.history),
            candidate=fenced(turn.answer),
            reference="" if self._reference is None else fenced(self._reference(turn)),
            low=f"{self._scale[0]:g}",
            high=f"{self._scale[1]:g}",
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to the same conversation.

    Attributes:
        history: the conversation before them.
        first: one answer.
        second: the other.
        instruction: what the assistant was told.
    """

    history: Sequence[Message]
    first: str
    second: str
    instruction: str = ""


class PairwiseJudge:
    """Says which of two answers is better, asked in both orders: a judge that goes by the place prefers neither.

    Args:
        endpoint: ``"URL#MODEL"``, or an `Endpoint` where more is to be set.
        rubric: what the judge is told, with ``$first`` and ``$second``.
        attempts: most tries at one verdict, each with a seed of its own.
        max_tokens: longest reply.

    Raises:
        ConfigError: if the endpoint is none, or the rubric lacks an answer.
    """

    def __init__(
        self, endpoint: str | Endpoint, rubric: str = PAIR, *, attempts: int = 2, max_tokens: int = 512
    ) -> None:
        self.endpoint = Endpoint.of(endpoint)
        self._rubric = check_rubric(rubric, ("first", "second"), _PAIR_FIELDS)
        self._asking = _Asking(self.endpoint, attempts, max_tokens)

    def prefer(self, pairs: Sequence[Pair]) -> list[float]:
        """Return for each pair 1.0 if the first is better, 0.0 if the second is, 0.5 for neither; NaN if missing."""
        swapped = [dataclasses.replace(pair, first=pair.second, second=pair.first) for pair in pairs]
        verdicts = self._asking.verdicts([self._told(pair) for pair in [*pairs, *swapped]], read_preference)
        return [_both(*two) for two in zip(verdicts[: len(pairs)], verdicts[len(pairs) :], strict=True)]

    def _told(self, pair: Pair) -> str:
        return self._rubric.substitute(
            instruction=fenced(pair.instruction),
            conversation=conversation(pair.history),
            first=fenced(pair.first),
            second=fenced(pair.second),
        )


def _both(straight: Preference | None, swapped: Preference | None) -> float:
    """Return what the verdicts in both orders say about the first answer."""
    if straight is None or swapped is None:
        return math.nan
    if (straight, swapped) == ("A", "B"):
        return 1.0
    return 0.0 if (straight, swapped) == ("B", "A") else 0.5


@dataclass(frozen=True, slots=True)
class _Asking:
    """How verdicts are asked for.

    Attributes:
        endpoint: that answers.
        attempts: most tries at one verdict.
        max_tokens: longest reply.
    """

    endpoint: Endpoint
    attempts: int
    max_tokens: int

    def verdicts(self, told: Sequence[str], read: Callable[[str], V]) -> list[V | None]:
        """Return the verdict on each text, None where there is none after every attempt.

        Replies without one are not kept: whoever asks again, as often as that may be, has as many attempts once more.
        """
        client = client_of(self.endpoint)
        verdicts: list[V | None] = [None] * len(told)
        open_places = list(range(len(told)))
        for attempt in range(self.attempts):
            requests = [self._request(told[place], attempt) for place in open_places]
            replies = zip(open_places, client.ask_all(requests), strict=True)
            answered = [(place, reply) for place, reply in replies if isinstance(reply, Reply)]
            for place, reply in answered:
                verdicts[place] = _read(reply, read)
            # An endpoint that did not answer has been tried often enough by the client; a bad verdict may pass.
            open_places = [place for place, _ in answered if verdicts[place] is None]
        undecided = [told[place] for place, verdict in enumerate(verdicts) if verdict is None]
        client.forget([self._request(text, attempt) for text in undecided for attempt in range(self.attempts)])
        return verdicts

    def _request(self, told: str, attempt: int) -> ChatRequest:
        return ChatRequest([{"role": "user", "content": told}], max_tokens=self.max_tokens, seed=attempt)


def _read(reply: Reply, read: Callable[[str], V]) -> V | None:
    try:
        return read(reply.text)
    except NoVerdictError as error:
        logger.warning("a judge gave no verdict: %s", error)
        return None
