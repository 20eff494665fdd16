"""Other views of the same environments."""

from textenvs.wrappers.choices import Choices, HasMenu, Menu

__all__ = ["Choices", "HasMenu", "Menu"]
