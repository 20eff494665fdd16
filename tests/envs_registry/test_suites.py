"""Suites hold the items that were frozen, and say so where a generator has changed them."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from agents.evaluation import evaluate
from agents.evaluation.runner import find_suite
from envs_registry import CATALOG
from envs_registry.suites import FAMILIES, Slice, Suite, all_suites, changes
from textenvs.errors import UnknownNameError

SUITES = all_suites()


def test_every_environment_of_the_catalogue_has_its_suites() -> None:
    assert {env_id for env_id, _ in FAMILIES.values()} == {entry.id for entry in CATALOG}
    for family in FAMILIES:
        assert {f"{family}-test", f"{family}-zh-test", f"{family}-en-valid"} <= SUITES.keys()
    assert {one.env_id for one in SUITES["all-test"].slices} == {entry.id for entry in CATALOG}
    assert SUITES["all-test"].n_items == sum(SUITES[f"{family}-test"].n_items for family in FAMILIES)


@pytest.mark.parametrize("name", [f"{family}-{split}" for family in FAMILIES for split in ("valid", "test")])
def test_the_items_are_those_that_were_frozen(name: str) -> None:
    """If this fails on purpose: raise VERSION in envs_registry/suites.py and run python -m envs_registry.suites."""
    assert all(one.digest for one in SUITES[name].slices)
    assert changes(SUITES[name], SUITES[name].measured()) == ()


def test_no_two_slices_hold_the_same_items() -> None:
    slices = {one.name: one for name in ("all-test", "all-valid") for one in SUITES[name].slices}
    assert len({one.digest for one in slices.values()}) == len(slices)


def test_a_changed_generator_changes_the_hash_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    suite = SUITES["dialogue-zh-test"]
    first, *rest = suite.slices
    stale = replace(suite, slices=(replace(first, digest="0000"), *rest))
    assert stale.hash != suite.hash
    assert changes(stale, stale.measured()) == (first.name,)
    with caplog.at_level(logging.WARNING):
        assert find_suite(stale).hash == suite.hash
    assert first.name in caplog.text
    assert str(stale) in caplog.text


@pytest.mark.parametrize("change", [{"indices": (0, 1)}, {"split": "valid"}, {"settings": {"language": "en"}}])
def test_everything_that_is_played_is_in_the_hash(change: dict[str, object]) -> None:
    suite = SUITES["rewrite-zh-test"]
    other = replace(suite, slices=(replace(suite.slices[0], **change), *suite.slices[1:]))  # type: ignore[arg-type]
    assert other.hash != suite.hash
    assert replace(suite, version=suite.version + 1).hash != suite.hash


def test_a_slice_survives_json() -> None:
    one = SUITES["rewrite-en-test"].slices[2]
    assert Slice.from_dict(one.as_dict()) == one


def test_a_suite_is_evaluated_by_its_slices() -> None:
    suite = Suite("mine", tuple(replace(one, indices=(4, 2)) for one in SUITES["rewrite-zh-test"].slices[:2]))
    result = evaluate("oracle", suite=suite)
    assert [(e.group, e.index) for e in result.episodes] == [(one.name, i) for one in suite.slices for i in (4, 2)]
    assert result.success.estimate == 1.0
    paid = evaluate("oracle", suite=suite, env_kwargs={"reward": "fluency"})
    assert paid.part_names == ("fluency",)
    with pytest.raises(UnknownNameError, match="'rewrite-zh-test'"):
        find_suite("rewrite-zh-tset")
