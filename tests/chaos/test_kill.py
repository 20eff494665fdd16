"""``kill -9`` at random moments of every kind, and resume: the run ends bit for bit like one that was left alone.

`make proof` kills a whole run from the command line at twenty moments; here a smaller one is killed at a handful.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import runs
from tests.chaos.kills import KINDS, Moment, Run, count, differences, killed, moments, resumed

SEED, PER_KIND = 0, 1


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A run that nobody killed, and how often it did each kind of work."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return folder, count(runs.small, folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_ends_like_one_that_was_left_alone(
    kind: str, whole: tuple[Path, dict[str, int]], tmp_path: Path
) -> None:
    reference, counts = whole
    for number, moment in enumerate(m for m in moments(counts, PER_KIND, SEED) if m.kind == kind):
        folder = tmp_path / str(number)
        killed(runs.small, folder, moment)
        resumed(runs.small, folder)
        assert differences(folder, reference) == [], moment


def test_a_run_may_be_killed_again_and_again(whole: tuple[Path, dict[str, int]], tmp_path: Path) -> None:
    reference, counts = whole
    for number, kind in enumerate(KINDS):
        killed(runs.small, tmp_path, Moment(kind, 1 + counts[kind] // 5), resume=number > 0)
    resumed(runs.small, tmp_path)
    assert differences(tmp_path, reference) == []


@pytest.mark.parametrize("run", [runs.natural, runs.grouped, runs.threaded])
def test_other_algorithms_and_workers_resume_to_the_bit_as_well(run: Run, tmp_path: Path) -> None:
    counts = count(run, tmp_path / "whole")
    folder = tmp_path / "killed"
    for number, kind in enumerate(kind for kind in KINDS if counts[kind]):
        killed(run, folder, Moment(kind, max(1, counts[kind] // 4)), resume=number > 0)
    resumed(run, folder)
    assert differences(folder, tmp_path / "whole") == []
