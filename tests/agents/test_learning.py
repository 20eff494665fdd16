"""Every algorithm learns every probe in time; `make proof` repeats it over five seeds."""

from __future__ import annotations

import pytest

from tests.agents.contestants import CONTESTANTS
from tests.agents.probes import PROBES


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("name", CONTESTANTS)
def test_probe_is_learned(name: str, probe: str) -> None:
    attempt = CONTESTANTS[name].attempt(PROBES[probe], seed=0)
    assert attempt.solved, attempt
