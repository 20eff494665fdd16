"""Reading a conversation as its agent sees it: what was named, and where something is left out."""

from textenvs.envs.rewrite.reading.phrases import PhraseReader
from textenvs.envs.rewrite.reading.sketch import GAP, SAID, STANDS, Reader, Sketch, Slot, State, Thing
from textenvs.envs.rewrite.reading.transcript import Transcript, transcript
from textenvs.envs.rewrite.reading.wordings import WordingReader

__all__ = [
    "GAP",
    "SAID",
    "STANDS",
    "PhraseReader",
    "Reader",
    "Sketch",
    "Slot",
    "State",
    "Thing",
    "Transcript",
    "WordingReader",
    "transcript",
]
