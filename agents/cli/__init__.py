"""The command ``textenvs``: one file per command, heavy imports inside commands only."""

from agents.cli.main import main

__all__ = ["main"]
