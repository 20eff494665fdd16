"""The token view's data: few enough updates, and colours that are full where most tokens end."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import pytest

from agents.report.samples import sample_view, thinned
from tests.agents.report.runs import NUMBERS, sampled

LINES = [{"update": update, "text": "x" * (100 + update)} for update in range(200)]


@pytest.mark.parametrize("limit", [0, 1_000, 5_000, 20_000, 10**9])
def test_what_does_not_fit_is_left_out_evenly(limit: int) -> None:
    kept = [line["update"] for line in thinned(LINES, limit)]
    size = sum(len(json.dumps(LINES[update])) for update in kept)
    assert kept[-1] == 199
    assert size <= limit or kept == [199]
    if len(kept) > 1:
        gaps = {b - a for a, b in pairwise(kept)}
        assert kept[0] == 0
        assert max(gaps) - min(gaps) <= 1
        assert size > 0.7 * min(limit, sum(len(json.dumps(line)) for line in LINES))


def test_the_colour_is_full_at_the_far_end_of_the_values() -> None:
    view = sample_view([{"update": 0, "episodes": [sampled()]}])
    assert view is not None
    spans = {one["name"]: one["span"] for one in view["quantities"]}
    assert list(spans) == ["advantage", "logprob", "ratio", "kl", "entropy", "value", "trained"]
    assert 1.25 < spans["advantage"] <= 2.0
    assert spans["ratio"] <= abs(math.log(0.8)) + 1e-3
    assert spans["trained"] == 1


def test_a_quantity_that_nobody_has_is_no_choice() -> None:
    numbers: dict[str, Any] = {"advantage": [0.0, 0.0, 0.0], "kl": [None, None, None], "ratio": NUMBERS["ratio"]}
    view = sample_view([{"update": 0, "episodes": [sampled(numbers=numbers)]}])
    assert view is not None
    assert {one["name"]: one["span"] for one in view["quantities"]}.keys() == {"advantage", "ratio"}
    assert view["quantities"][0]["span"] == 1


def test_no_samples_no_view() -> None:
    assert sample_view([]) is None
