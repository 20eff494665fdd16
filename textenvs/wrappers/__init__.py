"""Other views of the same environments."""

from textenvs.menus import HasMenu, Menu
from textenvs.wrappers.choices import Choices
from textenvs.wrappers.tokens import NO_TOKEN, OneOf, TokenChat, Tokens

__all__ = ["NO_TOKEN", "Choices", "HasMenu", "Menu", "OneOf", "TokenChat", "Tokens"]
