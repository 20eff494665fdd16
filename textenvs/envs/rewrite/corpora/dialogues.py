"""Readers of the corpora that come as JSON: GECOR, Alexa CQR and one's own. See `formats` for what they look like."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from textenvs.corpus_file import Problem, numbered_lines
from textenvs.envs.rewrite.corpora.records import Conversation, CorpusTurn
from textenvs.rewards.measures import words


def read_gecor(text: str, name: str) -> Iterator[Conversation | Problem]:
    """Read GECOR.

    The utterance is what was typed where that is a reduced variant, else the annotators' elliptical one, else their
    coreferent one. Where there is no variant nothing was removed, and a corrected spelling counts as well.
    """
    return _read_list(text, name, lambda dialogue: map(_gecor_turn, dialogue["dial"]))


def _gecor_turn(turn: Mapping[str, Any]) -> CorpusTurn:
    user = turn["usr"]
    said, complete = _text(user, "transcript"), _text(user, "transcript_complete")
    reduced = [text for key in ("ellipsis", "coreference") if (text := _line(user[f"transcript_with_{key}"]))]
    reply = _line(turn["sys"]["sent"])
    if not reduced:
        return CorpusTurn(said, tuple(dict.fromkeys((said, complete))), reply)
    return CorpusTurn(said if said in reduced else reduced[0], (complete,), reply)


def read_alexa(text: str, name: str) -> Iterator[Conversation | Problem]:
    """Read Alexa CQR. Crowd rewrites count as references where they hold every gold slot."""
    return _read_list(text, name, lambda record: _alexa_turns(record["dialogue"]))


def _alexa_turns(dialogue: list[Mapping[str, Any]]) -> Iterator[CorpusTurn]:
    for i, turn in enumerate(dialogue):
        if turn["turn"] == "driver":
            utterance = _text(turn["data"], "utterance")
            answer = dialogue[i + 1] if i + 1 < len(dialogue) else {"data": {"utterance": ""}}
            rewrites = _alexa_rewrites(utterance, answer.get("reformulation"), i)
            yield CorpusTurn(utterance, rewrites, _line(answer["data"]["utterance"]))


def _alexa_rewrites(utterance: str, note: Mapping[str, Any] | None, position: int) -> tuple[str, ...]:
    """Return the references of one turn: the utterance itself where the record has no reformulation of it.

    A reformulation may restate an earlier utterance with what this one adds; one that takes nothing from this
    utterance ("Thanks.") is no rewrite of it.
    """
    if note is None or note["reformulated_utt"] is None:
        return (utterance,)
    main = _text(note, "reformulated_utt")
    if note["base_utt_idx"] != position and set(words(main, "en")).isdisjoint(words(utterance, "en")):
        return (utterance,)
    needed = [set(words(str(slot), "en")) for slot in note.get("gold_slots") or ()]
    crowd = [_line(text) for text in note.get("mturk_reformulations") or ()]
    whole = [text for text in crowd if all(slot <= set(words(text, "en")) for slot in needed)]
    return tuple(dict.fromkeys((main, *whole)))


def read_jsonl(text: str, name: str) -> Iterator[Conversation | Problem]:
    """Read one's own conversations, see the module's docstring."""
    for number, line in numbered_lines(text):
        try:
            record = json.loads(line)
            conversation = _own_conversation(record, f"{name}:{number}")
        except (KeyError, TypeError, ValueError) as error:
            yield Problem(number, _reason(error))
        else:
            yield conversation


def _own_conversation(record: Any, source: str) -> Conversation:
    if not isinstance(record, dict):
        raise ValueError(f"a line is one JSON object, not a {type(record).__name__}")
    record = cast("dict[str, Any]", record)
    language = record["language"]
    if language not in ("zh", "en"):
        raise ValueError(f"language is 'zh' or 'en', not {language!r}")
    turns = [_own_turn(turn) for turn in record["turns"]]
    while turns and not turns[-1].rewrites:
        turns.pop()  # nothing is asked after the last rewrite
    return Conversation(language, tuple(turns), source, _line(record.get("topic")))


def _own_turn(turn: Any) -> CorpusTurn:
    if not isinstance(turn, dict):
        raise ValueError(f"a turn is a JSON object, not a {type(turn).__name__}")
    turn = cast("dict[str, Any]", turn)
    given = turn.get("rewrite", [])
    rewrites = cast("list[Any]", given if isinstance(given, list) else [given])
    if not all(isinstance(text, str) and text.strip() for text in rewrites):
        raise ValueError(f"rewrite is a text or a list of texts, none empty; got {given!r}")
    return CorpusTurn(_text(turn, "utterance"), tuple(map(_line, rewrites)), _line(turn.get("reply")), _relevant(turn))


def _relevant(turn: Mapping[str, Any]) -> tuple[str, ...]:
    names = turn.get("relevant", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in cast("list[Any]", names)):
        raise ValueError(f"relevant is a list of the names of documents, each a text; got {names!r}")
    return tuple(cast("list[str]", names))


_SPACE = re.compile(r"[\s,]*")


def _json_list(text: str) -> Iterator[tuple[int, Any]]:
    """Yield the elements of a JSON list with the lines they begin in.

    Raises:
        json.JSONDecodeError: where the syntax is broken.
    """
    decoder = json.JSONDecoder()
    at, line, counted = text.index("[") + 1, 1, 0
    while True:
        at = _skip(text, at)
        if text.startswith("]", at):
            return
        line, counted = line + text.count("\n", counted, at), at
        element, at = decoder.raw_decode(text, at)
        yield line, element


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _read_list(
    text: str, name: str, turns_of: Callable[[Any], Iterable[CorpusTurn]]
) -> Iterator[Conversation | Problem]:
    """Read a JSON list of English dialogues."""
    try:
        for number, record in _json_list(text):
            try:
                yield Conversation("en", tuple(turns_of(record)), f"{name}:{number}")
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                yield Problem(number, _reason(error))
    except json.JSONDecodeError as error:
        yield Problem(error.lineno, f"no valid JSON: {error.msg}")


def _text(record: Mapping[str, Any], key: str) -> str:
    value = record[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} is a text that is not empty; got {value!r}")
    return _line(value)


def _line(value: Any) -> str:
    """Return a text on one line, as the labels of speakers need it; empty for null."""
    return " ".join(str(value).split()) if value is not None else ""


def _reason(error: Exception) -> str:
    return f"the field {error} is missing" if isinstance(error, KeyError) else str(error)
