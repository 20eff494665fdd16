"""From feedback to what can be trained on: SFT rows, preference pairs, unpaired labels, scalar rewards.

The mapping, each line of which `SignalConfig` can change:

    event        reward of the candidate   label    pair
    click        +0.25
    favourite    +1                        good     over every candidate shown with it that was complained about
    complaint    -1                        bad      below every candidate shown with it that was favoured
    thumb        +1 or -1                  by sign  as favourite and complaint
    rating       2 score - 1               by mark  the better over the worse, where scores differ by the margin
    ranking      from +1 down to -1                 every candidate over each one below it
    correction   -0.5                      bad      the user's text over the candidate; it is an SFT row, too
    re_ask       -0.5 (each candidate)
    abandon      -0.25 (each candidate)

The rewards of several events on one candidate are averaged; a candidate without an event has *no* reward (NaN), never
0. Clicks favour what stands first: `agents.feedback.off_policy` frees estimates of a policy's value from that.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from agents.feedback.events import Click, Complaint, Correction, Event, Favourite, Impression, Ranking, Rating, Thumb
from agents.feedback.store import Interaction
from textenvs.errors import ConfigError
from textenvs.messages import Message

Rows = list[dict[str, Any]]

REWARDS: Mapping[str, float] = {
    "click": 0.25,
    "favourite": 1.0,
    "complaint": -1.0,
    "thumb": 1.0,
    "rating": 1.0,
    "ranking": 1.0,
    "correction": -0.5,
    "re_ask": -0.5,
    "abandon": -0.25,
}
"""What an event of each kind is worth; of thumbs, ratings and rankings, how much their best is."""


@dataclass(frozen=True, kw_only=True)
class SignalConfig:
    """How feedback is read.

    Attributes:
        rewards: worth of each kind, in [-1, 1]; a kind that is missing, or 0, gives no reward.
        margin: by how much two scores of one annotator must differ to make a pair.
        good_score: ratings from here on are good labels.
        bad_score: ratings up to here are bad labels.
        label_corrections: whether a correction labels the answer it corrects as bad, and itself as good.
        demonstrate_favourites: whether answers that were only favoured are SFT rows, beside the corrections.

    Raises:
        ConfigError: if a value is out of range.
    """

    rewards: Mapping[str, float] = field(default_factory=lambda: dict(REWARDS))
    margin: float = 0.25
    good_score: float = 0.75
    bad_score: float = 0.25
    label_corrections: bool = True
    demonstrate_favourites: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for kind, worth in self.rewards.items():
            if kind not in REWARDS or not -1 <= worth <= 1:
                raise ConfigError(f"rewards[{kind!r}]={worth!r}: give a kind of event a number from -1 to 1")
        if not 0 < self.margin <= 1:
            raise ConfigError(f"margin={self.margin!r}: must lie above 0 and be at most 1")
        if not 0 <= self.bad_score < self.good_score <= 1:
            raise ConfigError(
                f"bad_score={self.bad_score!r} must be below good_score={self.good_score!r}, both in [0, 1]"
            )


@dataclass(frozen=True, slots=True)
class Signals:
    """What can be trained on, as rows in TRL's conversational formats; each names its impression and its source.

    Attributes:
        sft: ``messages``, ``tools`` and ``learn``, which says that the last message alone is learned.
        preference: ``prompt``, ``chosen``, ``rejected``, ``margin``, ``tools``.
        unpaired: ``prompt``, ``completion``, ``label``, ``tools``.
        rewards: ``prompt``, ``completion``, ``reward`` in [-1, 1], ``position``, ``tools``.
        dropped: how much was left out, by reason.
    """

    sft: Rows
    preference: Rows
    unpaired: Rows
    rewards: Rows
    dropped: Mapping[str, int]


def signals(interactions: Iterable[Interaction], config: SignalConfig | None = None) -> Signals:
    """Read feedback as training rows, in the order of the impressions.

    Args:
        interactions: impressions with their events.
        config: the mapping.
    """
    config = config or SignalConfig()
    found = Signals([], [], [], [], dropped := Counter[str]())
    for interaction in (_meant(one, dropped) for one in interactions):
        found.sft.extend(_demonstrations(interaction, config))
        found.preference.extend(_preferences(interaction, config, dropped))
        found.unpaired.extend(_labels(interaction, config, dropped))
        found.rewards.extend(_rewarded(interaction, config))
    return found


def _meant(interaction: Interaction, dropped: Counter[str]) -> Interaction:
    """Return what was said but for corrections that change nothing, which would call one text both good and bad."""
    texts = [candidate.text.strip() for candidate in interaction.impression.candidates]
    events = tuple(
        event
        for event in interaction.events
        if not (isinstance(event, Correction) and event.text.strip() == texts[event.position])
    )
    if idle := len(interaction.events) - len(events):
        dropped["correction that changes nothing"] += idle
    return Interaction(interaction.impression, events)


def candidate_rewards(interaction: Interaction, rewards: Mapping[str, float]) -> list[float]:
    """Return the mean reward of each candidate shown; NaN for one about which nothing was said.

    Args:
        interaction: the impression and its events.
        rewards: worth of each kind of event.
    """
    n = len(interaction.impression.candidates)
    values: list[list[float]] = [[] for _ in range(n)]
    for event in interaction.events:
        worth = rewards.get(event.kind, 0.0)
        if worth:
            for position, value in _values(event, n):
                values[position].append(worth * value)
    return [math.fsum(each) / len(each) if each else math.nan for each in values]


def _values(event: Event, n: int) -> Iterator[tuple[int, float]]:
    """Yield the candidates that an event speaks about, with its verdict in [-1, 1]."""
    if isinstance(event, Thumb):
        yield event.position, 1.0 if event.up else -1.0
    elif isinstance(event, Rating):
        yield event.position, 2 * event.score - 1
    elif isinstance(event, Ranking):
        last = len(event.order) - 1
        yield from ((position, 1 - 2 * rank / last) for rank, position in enumerate(event.order))
    elif isinstance(event, Click | Favourite | Complaint | Correction):
        yield event.position, 1.0
    else:
        yield from ((position, 1.0) for position in range(n))


def _demonstrations(interaction: Interaction, config: SignalConfig) -> Iterator[dict[str, Any]]:
    impression = interaction.impression
    for event in interaction.events:
        if isinstance(event, Correction):
            yield _demonstration(impression, event.text, "correction")
    if config.demonstrate_favourites:
        good, bad = _sides(interaction)
        for position in sorted(good - bad):
            yield _demonstration(impression, impression.candidates[position].text, "favourite")


def _preferences(interaction: Interaction, config: SignalConfig, dropped: Counter[str]) -> Iterator[dict[str, Any]]:
    impression = interaction.impression
    texts = [candidate.text for candidate in impression.candidates]
    for chosen, rejected, margin, source in _comparisons(interaction, config, texts):
        if chosen.strip() == rejected.strip():
            dropped["pair of equal texts"] += 1
            continue
        answers = {"chosen": _answer(chosen), "rejected": _answer(rejected)}
        yield {**_prompt(impression), **answers, "margin": margin, **_origin(impression, source)}


def _comparisons(
    interaction: Interaction, config: SignalConfig, texts: list[str]
) -> Iterator[tuple[str, str, float, str]]:
    """Yield the better text, the worse, by how much (1 where that was not said), and what says so."""
    for event in interaction.events:
        if isinstance(event, Correction):
            yield event.text, texts[event.position], 1.0, "correction"
        elif isinstance(event, Ranking):
            last = len(event.order) - 1
            for (i, better), (j, worse) in combinations(enumerate(event.order), 2):
                yield texts[better], texts[worse], (j - i) / last, "ranking"
    good, bad = _sides(interaction)
    for better in sorted(good - bad):
        yield from ((texts[better], texts[worse], 1.0, "favoured") for worse in sorted(bad - good))
    for scores in _scores(interaction).values():
        for first, second in combinations(sorted(scores), 2):
            better, worse = (first, second) if scores[first] > scores[second] else (second, first)
            if scores[better] - scores[worse] >= config.margin:
                yield texts[better], texts[worse], scores[better] - scores[worse], "rating"


def _labels(interaction: Interaction, config: SignalConfig, dropped: Counter[str]) -> Iterator[dict[str, Any]]:
    """Yield one label for each candidate about which all who spoke agree, and one for each correction."""
    good, bad = _sides(interaction)
    for event in interaction.events:
        if isinstance(event, Rating) and not event.part:
            if event.score >= config.good_score:
                good.add(event.position)
            elif event.score <= config.bad_score:
                bad.add(event.position)
        elif isinstance(event, Correction) and config.label_corrections:
            bad.add(event.position)
    impression = interaction.impression
    dropped["label that others contradict"] += len(good & bad)
    for position in sorted(good ^ bad):
        yield _label(impression, impression.candidates[position].text, position in good, "candidate")
    if config.label_corrections:
        corrections = (event for event in interaction.events if isinstance(event, Correction))
        yield from (_label(impression, event.text, True, "correction") for event in corrections)


def _rewarded(interaction: Interaction, config: SignalConfig) -> Iterator[dict[str, Any]]:
    impression = interaction.impression
    for position, reward in enumerate(candidate_rewards(interaction, config.rewards)):
        if not math.isnan(reward):
            said = {"completion": _answer(impression.candidates[position].text), "reward": reward}
            yield {**_prompt(impression), **said, "position": position, **_origin(impression, "events")}


def _sides(interaction: Interaction) -> tuple[set[int], set[int]]:
    """Return the candidates that somebody favoured, and those that somebody complained about."""
    good: set[int] = set()
    bad: set[int] = set()
    for event in interaction.events:
        if isinstance(event, Favourite) or (isinstance(event, Thumb) and event.up):
            good.add(event.position)
        elif isinstance(event, Complaint | Thumb):
            bad.add(event.position)
    return good, bad


def _scores(interaction: Interaction) -> dict[str, dict[int, float]]:
    """Return the last score that each annotator gave each candidate as a whole; only his own are compared."""
    scores: dict[str, dict[int, float]] = {}
    for event in interaction.events:
        if isinstance(event, Rating) and not event.part:
            scores.setdefault(event.user_id, {})[event.position] = event.score
    return scores


def _demonstration(impression: Impression, text: str, source: str) -> dict[str, Any]:
    messages = [*map(dict, impression.conversation), *_answer(text)]
    tools = list(impression.tools)
    return {"messages": messages, "tools": tools, "learn": "last", **_origin(impression, source)}


def _label(impression: Impression, text: str, label: bool, source: str) -> dict[str, Any]:
    return {**_prompt(impression), "completion": _answer(text), "label": label, **_origin(impression, source)}


def _prompt(impression: Impression) -> dict[str, Any]:
    return {"prompt": [dict(message) for message in impression.conversation], "tools": list(impression.tools)}


def _answer(text: str) -> list[dict[str, str]]:
    return [dict(Message("assistant", text))]


def _origin(impression: Impression, source: str) -> dict[str, str]:
    return {"impression_id": impression.id, "source": source}
