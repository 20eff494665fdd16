"""The labelling page: one document with our own style and script, which shows every text as text."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from agents.feedback.labelling.words import WORDS
from agents.report.page import TEMPLATES, template_environment

_OWN = Path(__file__).parent / "templates"
_STYLE = "\n".join(
    (folder / name).read_text(encoding="utf-8") for folder, name in ((TEMPLATES, "report.css"), (_OWN, "label.css"))
)
_SCRIPT = (_OWN / "label.js").read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(f"\n{text}\n".encode()).digest()).decode()


POLICY = (
    f"default-src 'none'; style-src 'sha256-{_digest(_STYLE)}'; script-src 'sha256-{_digest(_SCRIPT)}'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The content security policy: our own style and script, requests to ourselves, and nothing else."""


def render_page(language: str, settings: Mapping[str, Any]) -> str:
    """Return the page as HTML.

    Args:
        language: of its words, a key of `WORDS`.
        settings: what the script needs to know, for JSON.
    """
    setup = json.dumps({**settings, "words": WORDS[language]}, ensure_ascii=False)
    return _template().render(
        language=language, languages=list(WORDS), words=WORDS[language], setup=setup, style=_STYLE, script=_SCRIPT
    )


@functools.cache
def _template() -> jinja2.Template:
    return template_environment(_OWN).get_template("label.html.j2")
