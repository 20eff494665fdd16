"""``textenvs view``: runs in the browser while they go on."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.cli.parse import parse
from textenvs.errors import UsageError


@dataclass(frozen=True)
class Options:
    """Show runs in the browser, live, until Ctrl-C: which there are, and the report of each as it is now."""

    runs: Annotated[Path, tyro.conf.Positional] = Path("runs")
    """A folder of runs, or a run."""
    host: str = "127.0.0.1"
    """Address to listen on; any but a loopback address needs a token, and TLS in front of it."""
    port: int = 8092
    """Port to listen on."""
    token_file: Path | None = None
    """File whose first line is the token, given as the password in the browser; or set TEXTENVS_FEEDBACK_TOKEN."""


def run(args: Sequence[str]) -> int:
    """Serve the pages."""
    options = parse(Options, args, "textenvs view")
    try:
        from agents.feedback.hosting import check_address, listen
        from agents.view.service import Viewer
    except ModuleNotFoundError as error:
        raise UsageError(f"view needs {error.name}; install it: pip install 'textenvs[feedback]'") from None
    from agents.cli.feedback.stores import read_token

    token = read_token(options.token_file)
    check_address(options.host, token)
    app = Viewer(options.runs, token).app()
    with contextlib.suppress(KeyboardInterrupt):
        print(f"{options.runs} at http://{options.host}:{options.port}/", flush=True)
        listen(app, options.host, options.port)
    return 0
