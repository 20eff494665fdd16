"""``textenvs feedback``: collect what users do with answers, look at it, and take it out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from agents.cli.parse import parse
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.feedback.store import Store

TOKEN = "TEXTENVS_FEEDBACK_TOKEN"  # noqa: S105 - the variable's name
"""The environment variable that may hold the token; a command line can be read by every user of the machine."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Where the feedback is."""

    store: str = "feedback.db"
    """Path of an SQLite file, or postgresql://USER@HOST/NAME."""


@dataclass(frozen=True, kw_only=True)
class Serve(Stored):
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


@dataclass(frozen=True, kw_only=True)
class Show(Stored):
    """Print volume, rates by policy version and what was refused, as JSON."""


@dataclass(frozen=True, kw_only=True)
class Export(Stored):
    """Write impressions and events as files."""

    out: Path
    """Folder for the files."""
    format: Literal["jsonl", "parquet"] = "jsonl"
    """JSON lines, or Parquet with typed columns."""
    since: int = 0
    """Only what came after this number; an export prints the one to give next time."""


@dataclass(frozen=True)
class Options:
    """Collect what users do with answers, look at it, and take it out."""

    what: (
        Annotated[Serve, tyro.conf.subcommand("serve")]
        | Annotated[Show, tyro.conf.subcommand("show")]
        | Annotated[Export, tyro.conf.subcommand("export")]
    )


def run(args: Sequence[str]) -> int:
    """Do what is asked for."""
    options = parse(tyro.conf.OmitArgPrefixes[tyro.conf.OmitSubcommandPrefixes[Options]], args, "textenvs feedback")
    {Serve: _serve, Show: _show, Export: _export}[type(options.what)](options.what)
    return 0


def _open(where: str, *, new: bool) -> Store:
    try:
        from agents.feedback.store import Store
    except ModuleNotFoundError as error:
        raise UsageError(f"feedback needs {error.name}; install it: pip install 'textenvs[feedback]'") from None
    if not new and "://" not in where and not Path(where).is_file():
        raise UsageError(f"--store {where!r}: there is no such file; `textenvs feedback serve` makes one")
    return Store(where)


def _serve(options: Serve) -> None:
    store = _open(options.store, new=True)
    from agents.feedback.service import ServiceConfig, serve

    rate = options.requests_per_s
    config = ServiceConfig(
        token=_token(options.token_file),
        max_body_bytes=options.max_body_bytes,
        requests_per_s=rate,
        burst=2 * rate,
    )
    print(f"feedback into {store.database.name}; page: http://{options.host}:{options.port}/", flush=True)
    try:
        serve(store, config, options.host, options.port)
    finally:
        store.close()


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN) or None
    try:
        return file.read_text(encoding="utf-8").split("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {str(file)!r} cannot be read: {error}") from None


def _show(options: Show) -> None:
    import json

    store = _open(options.store, new=False)
    from agents.feedback.statistics import statistics

    print(json.dumps(asdict(statistics(store)), indent=1, ensure_ascii=False))
    store.close()


def _export(options: Export) -> None:
    store = _open(options.store, new=False)
    from agents.feedback.export import export

    made = export(store, options.out, fmt=options.format, since=options.since)
    print(
        f"{made.impressions} impressions and {made.events} events in {options.out}; next time: --since {made.last_seq}"
    )
    store.close()
