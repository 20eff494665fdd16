"""Who said what, from an observation alone."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from textenvs.envs.rewrite.grammar.surface import WORDINGS
from textenvs.envs.rewrite.reading.sketch import parted
from textenvs.envs.rewrite.types import Language
from textenvs.settlement import Observation

Speaker = Literal["service", "user", "agent", "topic"]

_LABELS: dict[str, Speaker] = {
    label: speaker
    for words in WORDINGS.values()
    for label, speaker in zip(words.speakers, ("service", "user"), strict=True)
}
_LABEL = re.compile(f"^({'|'.join(map(re.escape, _LABELS))})", re.MULTILINE)
_HAN = re.compile("[\u4e00-\u9fff]")
_COMPLAINTS = frozenset(wording.lower() for words in WORDINGS.values() for wording in words.shells["complaint"])


class Line(NamedTuple):
    """What one side said at once."""

    speaker: Speaker
    text: str


class Transcript(NamedTuple):
    """A conversation up to the utterance that is to be rewritten.

    Attributes:
        language: of the utterance.
        said: the user's last words.
        utterance: the same; where they only complain, the words before that, which they mean.
        before: all that was said before the utterance, the oldest first.
        requests: the user's earlier requests as the agent rewrote them, or as they were said; the newest first.
        reply: the service's last words; ``""`` if there are none.
        rewrites: how many the agent has made.
    """

    language: Language
    said: str
    utterance: str
    before: tuple[Line, ...]
    requests: tuple[str, ...]
    reply: str
    rewrites: int


def transcript(observation: Observation) -> Transcript:
    """Read an observation of `MultiTurnRewrite`."""
    lines = [line for message in observation["history"] for line in _lines(message["role"], message["content"])]
    users = [number for number, line in enumerate(lines) if line.speaker == "user"]
    said = lines[users[-1]].text
    at = next((n for n in reversed(users) if parted(lines[n].text)[0].lower() not in _COMPLAINTS), users[-1])
    language: Language = "zh" if _HAN.search("".join([line.text for line in lines])) else "en"
    return Transcript(
        language,
        said,
        lines[at].text,
        tuple(lines[:at]),
        tuple(_requests(lines[:at])),
        next((line.text for line in reversed(lines) if line.speaker == "service"), ""),
        sum(line.speaker == "agent" for line in lines),
    )


def _lines(role: str, content: str) -> list[Line]:
    if role == "assistant":
        return [Line("agent", content)]
    first, *labelled = _LABEL.split(content)
    spoken = [Line(_LABELS[label], text.strip()) for label, text in zip(labelled[::2], labelled[1::2], strict=True)]
    if not first.strip():
        return spoken
    return [Line("topic" if spoken else "user", first.strip()), *spoken]


def _requests(lines: list[Line]) -> list[str]:
    """Return the earlier requests, each once: of an utterance and the rewrite that follows it the latter."""
    found: list[str] = []
    for number, line in enumerate(lines):
        rewritten = line.speaker == "user" and any(after.speaker == "agent" for after in lines[number + 1 : number + 2])
        if line.speaker in ("user", "agent") and not rewritten:
            found.append(line.text)
    return list(dict.fromkeys(found[::-1]))
