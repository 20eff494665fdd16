"""Untrusted text made safe to look at: what cannot be seen is named, what steers a terminal is disarmed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, C1: ANSI escapes begin with one of these
    "\u00ad\u061c\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, bidirectional controls and isolates
    "\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"  # tag characters, which hide whole sentences
    "\ud800-\udfff"  # lone surrogates cannot be written as UTF-8
    "]"
)


def neutralize(text: str) -> str:
    """Return `text` with every invisible control character replaced by its visible name, such as ⟨U+202E⟩."""
    return _HIDDEN.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", text)


def neutralized(value: Any) -> Any:
    """Return what JSON holds with every text in it, names included, `neutralize`d; tuples become lists."""
    if isinstance(value, str):
        return neutralize(value)
    if isinstance(value, list | tuple):
        return [neutralized(one) for one in value]
    if isinstance(value, float | int):  # most of what a page holds, and asking whether it is a mapping is slow
        return value
    if isinstance(value, Mapping):
        return {neutralize(str(name)): neutralized(one) for name, one in value.items()}
    return value
