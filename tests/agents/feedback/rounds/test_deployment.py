"""The deployment: one rename decides who serves, and everything can be rolled back."""

from __future__ import annotations

import threading
from itertools import count
from pathlib import Path

import pytest

from agents.feedback.rounds import deployment as module
from agents.feedback.rounds.deployment import CANDIDATE, RECORD, SERVING, Deployment, write_json
from textenvs.errors import CheckpointError, UnknownNameError, UsageError


@pytest.fixture
def begun(tmp_path: Path) -> Deployment:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "weights").write_text("first")
    clock = count().__next__
    return Deployment.begin(tmp_path / "d", tmp_path / "policy", 0, clock)  # type: ignore[arg-type]


def finish(deployment: Deployment, weights: str, *, promoted: bool = True) -> str:
    """End a round as a round does."""
    place = deployment.next_round()
    (place / CANDIDATE).mkdir(parents=True)
    (place / CANDIDATE / "weights").write_text(weights)
    write_json(place / RECORD, {"parent": deployment.serving, "last_seq": 7, "promoted": promoted})
    if promoted:
        deployment.promote(place.name)
    return place.name


def weights(deployment: Deployment) -> str:
    return (deployment.folder / SERVING / "weights").read_text()


def test_versions_serve_one_after_the_other_and_back(begun: Deployment) -> None:
    assert (begun.serving, weights(begun)) == ("round-0000", "first")
    assert finish(begun, "second") == "round-0001"
    assert finish(begun, "bad", promoted=False) == "round-0002"
    assert (begun.serving, weights(begun)) == ("round-0001", "second")
    assert finish(begun, "third") == "round-0003"
    assert begun.policy.joinpath("weights").read_text() == weights(begun) == "third"
    assert begun.roll_back() == "round-0001"
    assert weights(begun) == "second"
    assert begun.roll_back() == "round-0000"
    assert begun.roll_back("round-0003") == "round-0003"
    with pytest.raises(UsageError, match="never promoted"):
        begun.roll_back("round-0002")
    with pytest.raises(UnknownNameError, match="round-0003"):
        begun.roll_back("round-0033")
    begun.roll_back("round-0000")
    with pytest.raises(UsageError, match="none before"):
        begun.roll_back()
    deeds = [(entry["deed"], entry["version"][-1]) for entry in begun.history()]
    promoted = [("promote", "0"), ("promote", "1"), ("promote", "3")]
    assert deeds == [*promoted, *(("roll back", number) for number in "1030")]


@pytest.mark.parametrize("moment", ["promote", "_note"])
def test_an_interrupted_promotion_is_finished(begun: Deployment, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Deployment, moment, interrupt)
        with pytest.raises(KeyboardInterrupt):
            finish(begun, "second")
    again = Deployment(begun.folder)
    assert weights(again) == "second"
    deeds = [(one["deed"], one["version"]) for one in again.history()]
    assert deeds == [("promote", "round-0000"), ("promote", "round-0001")]


def test_readers_always_find_a_whole_policy(begun: Deployment) -> None:
    finish(begun, "second")
    found: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            found.add(weights(begun))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(200):
        module._point(begun.folder, "round-0000")
        module._point(begun.folder, "round-0001")
    done.set()
    reader.join()
    assert found == {"first", "second"}
    assert [path.name for path in begun.folder.glob(".link*")] == []


def test_one_round_at_a_time(begun: Deployment) -> None:
    with begun.locked(), pytest.raises(UsageError, match="under way"), Deployment(begun.folder).locked():
        pass
    with begun.locked():
        pass


def test_what_is_no_deployment(tmp_path: Path, begun: Deployment) -> None:
    with pytest.raises(UsageError, match="--start"):
        Deployment(tmp_path)
    with pytest.raises(UsageError, match="in use"):
        Deployment.begin(begun.folder, tmp_path / "policy", 0)
    with pytest.raises(UsageError, match="no such folder"):
        Deployment.begin(tmp_path / "e", tmp_path / "none", 0)
    (begun.folder / "round-0000" / RECORD).write_text("{")
    with pytest.raises(CheckpointError, match=RECORD):
        begun.record("round-0000")


def test_a_beginning_that_was_killed_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, folder = tmp_path / "policy", tmp_path / "d"
    policy.mkdir()
    (policy / "weights").write_text("whole")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("write_json", "_point"):
        with monkeypatch.context() as patch:
            patch.setattr(module, step, killed)
            with pytest.raises(KeyboardInterrupt):
                Deployment.begin(folder, policy, 0)
        (folder / "round-0000" / "candidate" / "weights").write_text("hal")
    (folder / ".link123").mkdir()
    begun = Deployment.begin(folder, policy, 0)
    assert (begun.policy / "weights").read_text() == "whole"
    assert {path.name for path in folder.iterdir()} == {"round-0000", "serving", "history.json"}
    (tmp_path / "other" / "round-0000").mkdir(parents=True)
    (tmp_path / "other" / "mine.txt").touch()
    with pytest.raises(UsageError, match="in use"):
        Deployment.begin(tmp_path / "other", policy, 0)
