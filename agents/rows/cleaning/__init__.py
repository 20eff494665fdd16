"""Cleaning: rows that would teach nothing, or the wrong thing, set aside with the reason why."""

from agents.rows.cleaning.config import CleaningConfig
from agents.rows.cleaning.report import CleaningReport
from agents.rows.cleaning.run import clean

__all__ = ["CleaningConfig", "CleaningReport", "clean"]
