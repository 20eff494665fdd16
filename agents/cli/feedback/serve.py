"""``textenvs feedback serve``: take impressions and events over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.cli.feedback.stores import Stored, open_store, read_token
from agents.cli.parse import parse


@dataclass(frozen=True, kw_only=True)
class Options(Stored):
    """Take impressions and events over HTTP, until Ctrl-C."""

    host: str = "127.0.0.1"
    """Address to listen on; any but a loopback address needs a token, and TLS in front of it."""
    port: int = 8090
    """Port to listen on."""
    token_file: Path | None = None
    """File whose first line is the token that requests must bring; or set TEXTENVS_FEEDBACK_TOKEN."""
    max_body_bytes: int = 256 * 1024
    """Largest body of a request."""
    requests_per_s: float = 2000.0
    """Requests per second that one client may make in the long run; at once it may make twice as many."""


def run(args: Sequence[str]) -> int:
    """Serve."""
    options = parse(Options, args, "textenvs feedback serve")
    with open_store(options.store, new=True) as store:
        from agents.feedback.hosting import check_address
        from agents.feedback.service import ServiceConfig, serve

        config = ServiceConfig(
            token=read_token(options.token_file),
            max_body_bytes=options.max_body_bytes,
            requests_per_s=options.requests_per_s,
            burst=2 * options.requests_per_s,
        )
        check_address(options.host, config.token)
        print(f"feedback into {store.database.name}; page: http://{options.host}:{options.port}/", flush=True)
        serve(store, config, options.host, options.port)
    return 0
