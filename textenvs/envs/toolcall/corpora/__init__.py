"""Public tool-calling benchmarks: readers, their dialects of JSON Schema, splits.

bfcl, acebench    one reader per benchmark
schemas           from their dialects to JSON Schema
corpus            files, answers beside them, splits

A row is one decision. A conversation that was recorded is cut into its turns, each with all that was said before, as
the benchmarks score it; what the recorded user says next is not played, for it answers the recorded assistant.
"""

from __future__ import annotations

from textenvs.envs.toolcall.corpora.corpus import FORMATS, Format, load_corpus

__all__ = ["FORMATS", "Format", "load_corpus"]
