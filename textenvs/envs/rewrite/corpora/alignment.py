"""What a reference rewrite brought back, found by aligning it with the utterance.

Words that the reference inserts or puts in the place of others are the restored slots: of kind ``"reference"`` if a
pronoun or demonstrative stood there, else ``"ellipsis"``. Words that it keeps must survive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

from textenvs.envs.rewrite.corpora.records import Conversation
from textenvs.envs.rewrite.light_words import LIGHT_WORDS, STAND_INS
from textenvs.envs.rewrite.types import Language, Restored, RewriteTruth
from textenvs.rewards.measures import normalize, words


def truth_of(conversation: Conversation, position: int, fluency: Callable[[str], float]) -> RewriteTruth:
    """Derive the hidden truth of one turn from its references.

    Args:
        conversation: the record.
        position: of the turn in it; it must have a rewrite.
        fluency: judges the form of a rewrite.

    Returns:
        The truth. `rivals` are empty: a corpus does not say which entities are of one type. A slot counts as wrongly
        filled where it is missing and words stand in the answer that no reference holds.
    """
    turn, language = conversation.turns[position], conversation.language
    utterance, gold = words(turn.utterance, language), words(turn.rewrites[0], language)
    edits = SequenceMatcher(None, utterance, gold, autojunk=False).get_opcodes()
    spans = _restored_spans(edits, gold, language)
    accepted = {normalize(text, language) for text in (*turn.rewrites, *(() if spans else (turn.utterance,)))}
    return RewriteTruth(
        language=language,
        utterance=turn.utterance,
        gold=turn.rewrites[0],
        accepted=frozenset(accepted),
        restored=tuple(_slot(edit, utterance, gold, conversation, position) for edit in spans),
        kept=_kept(edits, utterance, language),
        known=LIGHT_WORDS[language].union(utterance, *(words(text, language) for text in turn.rewrites)),
        fluency=fluency,
        graded=tuple(_without(edit, utterance, gold, language) for edit in spans),
        relevant=frozenset(turn.relevant),
    )


Edit = tuple[str, int, int, int, int]


def _restored_spans(edits: Sequence[Edit], gold: Sequence[str], language: Language) -> list[Edit]:
    """Return the edits that bring something in; those of function words alone only if there are no others."""
    spans = [edit for edit in edits if edit[0] in ("insert", "replace")]
    return [edit for edit in spans if not LIGHT_WORDS[language].issuperset(gold[edit[3] : edit[4]])] or spans


def _slot(
    edit: Edit, utterance: Sequence[str], gold: Sequence[str], conversation: Conversation, position: int
) -> Restored:
    _, i, j, start, end = edit
    language = conversation.language
    span = gold[start:end]
    core = _trimmed(span, LIGHT_WORDS[language])
    return Restored(
        kind="ellipsis" if STAND_INS[language].isdisjoint(utterance[i:j]) else "reference",
        slot="span",
        aliases=tuple(dict.fromkeys((_joined(span, language), _joined(core, language)))),
        turns_back=_turns_back(core, conversation, position),
        places=_places(edit, gold, language),
    )


def _trimmed(span: Sequence[str], function_words: frozenset[str]) -> Sequence[str]:
    """Return a span without the function words at its ends; the span itself if there is nothing else."""
    content = [i for i, word in enumerate(span) if word not in function_words]
    return span[content[0] : content[-1] + 1] if content else span


def _places(edit: Edit, gold: Sequence[str], language: Language) -> tuple[str, ...]:
    """Return the span with the nearest content word before it, and with the nearest after it.

    Function words between the two may be there or not; where all others are function words, they are the neighbours.
    A span without neighbours stands for itself.
    """
    light = LIGHT_WORDS[language]
    if light.issuperset([*gold[: edit[3]], *gold[edit[4] :]]):
        light = frozenset[str]()
    content = [i for i in range(edit[3], edit[4]) if gold[i] not in light] or [edit[3], edit[4] - 1]
    first, last = content[0], content[-1]
    before = next((i for i in range(first - 1, -1, -1) if gold[i] not in light), None)
    after = next((i for i in range(last + 1, len(gold)) if gold[i] not in light), None)
    core = [*gold[first : last + 1]]
    forms = [] if before is None else [gold[before : last + 1], [gold[before], *core]]
    forms += [] if after is None else [gold[first : after + 1], [*core, gold[after]]]
    return tuple(dict.fromkeys(_joined(form, language) for form in forms or [core]))


def _turns_back(span: Sequence[str], conversation: Conversation, position: int) -> int:
    """Return how many user turns back the span was last said, from 1; 0 if it never was."""
    wanted = _spaced(span)
    for back in range(1, position + 1):
        turn = conversation.turns[position - back]
        if any(wanted in _spaced(words(text, conversation.language)) for text in (turn.reply, turn.utterance)):
            return back
    return 0


def _kept(edits: Sequence[Edit], utterance: Sequence[str], language: Language) -> tuple[tuple[str, ...], ...]:
    """Return the content words of the utterance that the reference keeps."""
    light = LIGHT_WORDS[language] | STAND_INS[language]
    same = (word for tag, i, j, _, _ in edits if tag == "equal" for word in utterance[i:j])
    return tuple((word,) for word in dict.fromkeys(same) if word not in light)


def _without(edit: Edit, utterance: Sequence[str], gold: Sequence[str], language: Language) -> str:
    """Return the reference with one span taken back to what the user said."""
    _, i, j, start, end = edit
    return _joined([*gold[:start], *utterance[i:j], *gold[end:]], language)


def _joined(span: Sequence[str], language: Language) -> str:
    return ("" if language == "zh" else " ").join(span)


def _spaced(span: Sequence[str]) -> str:
    """Return words with a space on both sides of each, so that one holds another only as whole words."""
    return f" {'  '.join(span)} "
