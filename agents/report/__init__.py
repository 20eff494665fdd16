"""One self-contained HTML page per run: curves, before and after, transcripts side by side."""

from agents.report.page import write_report

__all__ = ["write_report"]
