"""The browser for these tests."""

from __future__ import annotations

from tests.agents.browsing import browser

__all__ = ["browser"]
