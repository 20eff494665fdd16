"""Bug by test: what has to notice a bug passes without it, and fails with it."""

from __future__ import annotations

import pytest

from tests.agents.contestants import CONTESTANTS
from tests.agents.mutations.table import MUTATIONS, Mutation
from tests.agents.probes import PROBES
from tests.tables import DOCUMENTS, render

PROBED = [(mutation, probe, name) for mutation in MUTATIONS for probe, name in mutation.probes]


@pytest.mark.parametrize(
    ("mutation", "check"),
    [(mutation, check) for mutation in MUTATIONS for check in mutation.checks],
    ids=lambda value: value.name if isinstance(value, Mutation) else value,
)
def test_an_oracle_or_invariant_notices(mutation: Mutation, check: str) -> None:
    mutation.checks[check]()
    with pytest.MonkeyPatch.context() as patch:
        mutation.plant(patch)
        with pytest.raises(AssertionError):
            mutation.checks[check]()


@pytest.mark.parametrize(
    ("mutation", "probe", "algorithm"), PROBED, ids=[f"{m.name}-{probe}-{name}" for m, probe, name in PROBED]
)
def test_a_probe_notices(mutation: Mutation, probe: str, algorithm: str) -> None:
    """Without the bug, `tests.agents.test_learning` solves the same probe with the same seed."""
    with pytest.MonkeyPatch.context() as patch:
        mutation.plant(patch)
        assert not CONTESTANTS[algorithm].attempt(PROBES[probe], seed=0).solved


def test_the_published_table_is_this_one() -> None:
    (page,) = (path for path in DOCUMENTS if path.name == "CONTRIBUTING.md")
    published = page.read_text(encoding="utf-8")
    assert all(f"| {mutation.name} |" in published for mutation in MUTATIONS)
    assert render(published, DOCUMENTS[page]) == published
