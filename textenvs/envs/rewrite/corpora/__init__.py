"""Real dialogues: readers, splits, and the hidden truth that a reference rewrite holds.

records                what every format is read into
tables, dialogues      one reader per format
formats                the formats by name, and how to tell them apart
alignment              from utterance and reference to `RewriteTruth`
corpus                 files, splits, the fluency model
episode                a recorded conversation as an episode
"""

from __future__ import annotations

from textenvs.envs.rewrite.corpora.alignment import truth_of
from textenvs.envs.rewrite.corpora.corpus import Corpus, CorpusFluency, load_corpus
from textenvs.envs.rewrite.corpora.episode import CorpusEpisode, HistorySource
from textenvs.envs.rewrite.corpora.formats import FORMATS, Format
from textenvs.envs.rewrite.corpora.records import Conversation, CorpusTurn

__all__ = [
    "FORMATS",
    "Conversation",
    "Corpus",
    "CorpusEpisode",
    "CorpusFluency",
    "CorpusTurn",
    "Format",
    "HistorySource",
    "load_corpus",
    "truth_of",
]
