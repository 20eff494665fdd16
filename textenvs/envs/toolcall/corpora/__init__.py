"""Public tool-calling benchmarks: readers, their dialects of JSON Schema, splits.

bfcl, acebench    one reader per benchmark
schemas           from their dialects to JSON Schema
corpus            files, answers beside them, splits
"""

from __future__ import annotations

from textenvs.envs.toolcall.corpora.corpus import FORMATS, Format, load_corpus

__all__ = ["FORMATS", "Format", "load_corpus"]
