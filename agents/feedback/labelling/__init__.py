"""Labelling: people say which of several answers is best, score or correct them, and how far they agree."""
