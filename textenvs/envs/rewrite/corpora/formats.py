"""Readers of the formats that rewriting corpora come in.

================  ====================================================================================================
``rewrite``       REWRITE (Su et al., ACL 2019): lines of four columns separated by two tabs: two earlier turns, the
                  utterance, the rewrite. Chinese.
``canard``        CANARD (Elgohary et al., EMNLP 2019), unrolled: lines of title, section, question, answer, ...,
                  current question, rewrite, separated by tabs. Lines that continue one another are one conversation.
                  English.
``gecor``         GECOR (Quan et al., EMNLP 2019): a JSON list of CamRest676 dialogues with a complete, an elliptical
                  and a coreferent variant of each utterance. English.
``alexa``         Alexa CQR (Regan et al., 2019): a JSON list of in-car dialogues with crowd rewrites. English.
``jsonl``         One's own: one conversation a line, such as ``{"language": "en", "topic": "", "turns": [{"utterance":
                  "Is it open?", "rewrite": "Is the museum open?", "reply": "Yes."}]}``. `rewrite` is a text, a list of
                  texts of which the first is the main one, or missing where the turn is only context; `topic` and
                  `reply` may be missing. `relevant`, if given, lists the names of the documents that answer the turn.
================  ====================================================================================================

A reader yields conversations, and `Problem`s where a record is malformed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, get_args

from textenvs.corpus_file import Problem
from textenvs.envs.rewrite.corpora.dialogues import read_alexa, read_gecor, read_jsonl
from textenvs.envs.rewrite.corpora.records import Conversation
from textenvs.envs.rewrite.corpora.tables import read_canard, read_rewrite

Format = Literal["rewrite", "canard", "gecor", "alexa", "jsonl"]
FORMATS: tuple[Format, ...] = get_args(Format)

Reader = Callable[[str, str], Iterator[Conversation | Problem]]
"""Takes the text of a file and its name."""

READERS: Mapping[Format, Reader] = {
    "rewrite": read_rewrite,
    "canard": read_canard,
    "gecor": read_gecor,
    "alexa": read_alexa,
    "jsonl": read_jsonl,
}


def sniff(text: str) -> Format | None:
    """Tell the format from the content; None if it is none of them."""
    head = text.lstrip()
    if head.startswith("["):
        return "gecor" if '"dial"' in head[:5000] else "alexa" if '"dialogue"' in head[:5000] else None
    if head.startswith("{"):
        return "jsonl"
    first = head.partition("\n")[0]
    if first.count("\t\t") == 3:
        return "rewrite"
    return "canard" if "\t" in first else None
