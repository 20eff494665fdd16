"""``textenvs feedback``: collect what users do with answers, look at it, and use it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from agents.cli.parse import parse
from agents.report.sanitize import neutralize
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.feedback.store import Store

TOKEN = "TEXTENVS_FEEDBACK_TOKEN"  # noqa: S105 - the variable's name
"""The environment variable that may hold the token; a command line can be read by every user of the machine."""

SHOWN = 10
"""Refused lines that are named."""


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


@dataclass(frozen=True, kw_only=True)
class Load(Stored):
    """Append old logs: JSON lines, each an impression or an event; an export can be loaded again."""

    file: Path
    """The file; an impression stands before its events."""


@dataclass(frozen=True, kw_only=True)
class Signals(Stored):
    """Write what can be trained on: sft, preference, unpaired and rewards, as JSON lines."""

    out: Path
    """Folder for the files."""
    since: int = 0
    """Only impressions that are new since this number, or have a new event."""
    margin: float = 0.25
    """By how much two scores of one annotator must differ to make a pair."""


@dataclass(frozen=True, kw_only=True)
class Estimate(Stored):
    """Estimate from the clicks what a candidate policy is worth, before it is served."""

    target: Path
    """JSON lines: {"impression_id": ..., "probabilities": [one for each candidate shown]}."""
    examination: tuple[float, ...] = ()
    """How likely each position is looked at, the first first; every one is, if not given."""
    window_s: float = 0.0
    """How long a click may take; younger impressions are left out."""
    one_vote: bool = False
    """Let every user count once, however much he does."""
    clip: float = 10.0
    """Largest weight of the clipped estimate."""


@dataclass(frozen=True)
class Options:
    """Collect what users do with answers, look at it, and turn it into training data and estimates."""

    what: (
        Annotated[Serve, tyro.conf.subcommand("serve")]
        | Annotated[Show, tyro.conf.subcommand("show")]
        | Annotated[Export, tyro.conf.subcommand("export")]
        | Annotated[Load, tyro.conf.subcommand("load")]
        | Annotated[Signals, tyro.conf.subcommand("signals")]
        | Annotated[Estimate, tyro.conf.subcommand("estimate")]
    )


def run(args: Sequence[str]) -> int:
    """Do what is asked for."""
    options = parse(tyro.conf.OmitArgPrefixes[tyro.conf.OmitSubcommandPrefixes[Options]], args, "textenvs feedback")
    DEEDS[type(options.what)](options.what)
    return 0


@contextlib.contextmanager
def open_store(where: str, *, new: bool = False, old_logs: bool = False) -> Iterator[Store]:
    """Open a store, and close it afterwards.

    Args:
        where: path of an SQLite file, or a URL.
        new: whether it may be made.
        old_logs: whether records may be older than the clock's limits allow.

    Raises:
        UsageError: if there is none, or a package is missing.
    """
    try:
        from agents.feedback.admission import ClockLimits
        from agents.feedback.store import Store
    except ModuleNotFoundError as error:
        raise UsageError(f"feedback needs {error.name}; install it: pip install 'textenvs[feedback]'") from None
    if not new and "://" not in where and not Path(where).is_file():
        raise UsageError(f"--store {where!r}: there is no such file; `textenvs feedback serve` makes one")
    with contextlib.closing(Store(where, limits=ClockLimits(max_age_s=math.inf) if old_logs else None)) as store:
        yield store


def _serve(options: Serve) -> None:
    with open_store(options.store, new=True) as store:
        from agents.feedback.hosting import check_address
        from agents.feedback.service import ServiceConfig, serve

        rate = options.requests_per_s
        config = ServiceConfig(
            token=read_token(options.token_file),
            max_body_bytes=options.max_body_bytes,
            requests_per_s=rate,
            burst=2 * rate,
        )
        check_address(options.host, config.token)
        print(f"feedback into {store.database.name}; page: http://{options.host}:{options.port}/", flush=True)
        serve(store, config, options.host, options.port)


def read_token(file: Path | None) -> str | None:
    """Return the token that a file holds, or else the environment; None where there is none.

    Raises:
        UsageError: if the file cannot be read.
    """
    if file is None:
        return os.environ.get(TOKEN) or None
    try:
        return file.read_text(encoding="utf-8").split("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {str(file)!r} cannot be read: {error}") from None


def _show(options: Show) -> None:
    with open_store(options.store) as store:
        from agents.feedback.statistics import statistics

        print(json.dumps(asdict(statistics(store)), indent=1, ensure_ascii=False))


def _export(options: Export) -> None:
    with open_store(options.store) as store:
        from agents.feedback.export import export

        made = export(store, options.out, fmt=options.format, since=options.since)
    print(f"{made.impressions} impressions and {made.events} events in {options.out}")
    print(f"only what is new, next time: --since {made.last_seq}")


def _load(options: Load) -> None:
    if not options.file.is_file():
        raise UsageError(f"--file {str(options.file)!r}: there is no such file")
    with open_store(options.store, new=True, old_logs=True) as store:
        from agents.feedback.load import load

        found = load(store, options.file)
    print(f"{found.stored} stored, {found.duplicates} there already, {len(found.refused)} refused")
    for line, refusal in found.refused[:SHOWN]:
        print(neutralize(f"{options.file}:{line}: {refusal.reason}: {refusal.detail}"))


def _signals(options: Signals) -> None:
    with open_store(options.store) as store:
        from agents.feedback.signals import SignalConfig, signals

        found = signals(store.interactions(options.since), SignalConfig(margin=options.margin))
    options.out.mkdir(parents=True, exist_ok=True)
    for name in ("sft", "preference", "unpaired", "rewards"):
        rows = getattr(found, name)
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (options.out / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        print(f"{name}: {len(rows)}")
    for reason, n in found.dropped.items():
        print(f"dropped, {reason}: {n}")


def _estimate(options: Estimate) -> None:
    with open_store(options.store) as store:
        from agents.cli.console import show
        from agents.feedback.off_policy import OffPolicyConfig, evaluate_offline
        from agents.feedback.targets import read_target

        config = OffPolicyConfig(
            examination=options.examination, window_s=options.window_s, one_vote=options.one_vote, clip=options.clip
        )
        found = evaluate_offline(store.interactions(), read_target(options.target), config, time.time())
    for name in ("naive", "ips", "clipped", "snips", "doubly_robust", "coverage"):
        print(f"{name.replace('_', ' '):<14}{show(getattr(found, name))}")
    size = found.effective_sample_size
    print(f"{found.impressions} impressions ({found.too_young} too young), worth {size:.0f} without weights")
    if not found.coverage.low <= 1 <= found.coverage.high:
        print(
            "coverage is clear of 1: the propensities are wrong, or the log does not show what the candidate would say"
        )


DEEDS: dict[type[Any], Callable[[Any], None]] = {
    Serve: _serve,
    Show: _show,
    Export: _export,
    Load: _load,
    Signals: _signals,
    Estimate: _estimate,
}
"""What each subcommand does."""
