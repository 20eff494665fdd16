"""Deployment: the policy that serves, those that served before it, and those that did not make it.

A folder of rounds, each with its candidate, and the link ``serving``, which points at one of the candidates. The link
is the truth: it is replaced by one rename, so that whoever opens it finds the old policy or the new one, never
something between. ``history.json`` says what was done when; a promotion that was interrupted is finished when the
deployment is next opened.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from textenvs.errors import CheckpointError, UsageError, check_known

SERVING = "serving"
"""Name of the link to the policy that serves."""
HISTORY = "history.json"
CANDIDATE = "candidate"
"""Name of a round's policy within its folder."""
RECORD = "round.json"
"""Name of what a round says of itself, written when it has ended."""
_LINK = ".link"
"""What the folder's name begins with in which a link is made."""
_ROUND = re.compile(r"round-\d{4,}")


class Deployment:
    """A folder in which a policy serves.

    Args:
        folder: that `begin` made.
        clock: tells the time, in seconds since 1970.

    Raises:
        UsageError: if it is none.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder, self._clock = folder, clock
        if not (folder / SERVING).is_symlink():
            how = "begin one: textenvs feedback round --deployment DIR --start POLICY"
            raise UsageError(f"{str(folder)!r} is no deployment; {how}")
        noted = {entry["version"] for entry in self.history()}
        promoted = [name for name in self.versions() if self.record(name)["promoted"]]
        if promoted[-1] not in noted:
            self.promote(promoted[-1])

    @classmethod
    def begin(cls, folder: Path, policy: Path, last_seq: int, clock: Callable[[], float] = time.time) -> Deployment:
        """Have a policy serve that no round has made; it is copied.

        Args:
            folder: for the deployment.
            policy: folder of the policy.
            last_seq: number of the store up to which it knows the feedback.
            clock: as above.

        Raises:
            UsageError: if the folder is in use, or there is no such policy.
        """
        left = list(folder.iterdir()) if folder.exists() else []
        if not all(path.is_dir() and (path.name == _name(0) or path.name.startswith(_LINK)) for path in left):
            raise UsageError(f"{str(folder)!r} is in use; choose another folder, or leave out --start")
        if not policy.is_dir():
            raise UsageError(f"--start {str(policy)!r}: there is no such folder")
        for path in left:  # of a beginning that was killed: nothing has ever served here
            shutil.rmtree(path)
        place = folder / _name(0)
        shutil.copytree(policy, place / CANDIDATE)
        write_json(place / RECORD, {"parent": None, "last_seq": last_seq, "promoted": True})
        _point(folder, place.name)
        return cls(folder, clock)

    @property
    def serving(self) -> str:
        """The version that serves, by the name of its round."""
        return Path(os.readlink(self.folder / SERVING)).parent.name

    @property
    def policy(self) -> Path:
        """The folder of the policy that serves."""
        return self.candidate(self.serving)

    def candidate(self, version: str) -> Path:
        """Return the folder of a version's policy."""
        return self.folder / version / CANDIDATE

    def versions(self) -> list[str]:
        """Return the rounds that have ended, promoted or not, in order."""
        names = (path.parent.name for path in self.folder.glob(f"*/{RECORD}"))
        return sorted(name for name in names if _ROUND.fullmatch(name))

    def record(self, version: str) -> dict[str, Any]:
        """Return what a round that has ended said of itself.

        Raises:
            UnknownNameError: if there is none of that name.
            CheckpointError: if it cannot be read.
        """
        check_known("version", version, self.versions())
        return _read_json(self.folder / version / RECORD)

    def next_round(self) -> Path:
        """Return the folder of the round that is under way, or of a new one."""
        return self.folder / _name(len(self.versions()))

    def promote(self, version: str) -> None:
        """Have a version serve.

        Raises:
            UnknownNameError: if no such round has ended.
        """
        self._serve(version, "promote")

    def roll_back(self, to: str | None = None) -> str:
        """Have an earlier version serve again, and return its name.

        Args:
            to: which one; the one that the version that serves now was trained from, if not given.

        Raises:
            UsageError: if there is none before it, or that one has never been promoted.
        """
        version = to or self.record(self.serving)["parent"]
        if version is None:
            raise UsageError(f"{self.serving} serves, and there is none before it")
        if not self.record(version)["promoted"]:
            raise UsageError(f"{version} was never promoted; its record says why: {self.folder / version / RECORD}")
        self._serve(version, "roll back")
        return version

    def history(self) -> list[dict[str, Any]]:
        """Return what was done, oldest first.

        Raises:
            CheckpointError: if it cannot be read.
        """
        path = self.folder / HISTORY
        return _read_json(path)["deeds"] if path.exists() else []

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other rounds and rollbacks out, until this ends.

        Raises:
            UsageError: if one is going on.
        """
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(f"{str(self.folder)!r}: another round or rollback is under way") from None
            yield

    def _serve(self, version: str, deed: str) -> None:
        self.record(version)
        _point(self.folder, version)
        self._note(deed, version)

    def _note(self, deed: str, version: str) -> None:
        entry = {"time": self._clock(), "deed": deed, "version": version}
        write_json(self.folder / HISTORY, {"deeds": [*self.history(), entry]})


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a file that is whole or not there."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("w", encoding="utf-8") as file:
        file.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None


def _name(number: int) -> str:
    return f"round-{number:04d}"


def _point(folder: Path, version: str) -> None:
    """Replace the link by one rename."""
    with tempfile.TemporaryDirectory(prefix=_LINK, dir=folder) as scratch:
        link = Path(scratch) / SERVING
        link.symlink_to(Path(version) / CANDIDATE)
        link.replace(folder / SERVING)
