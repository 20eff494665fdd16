"""EnvContractTests: the rules as tests, one each, for the test suite of whoever writes an environment."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from textenvs.checker.examination import Examination, Target
from textenvs.checker.report import say
from textenvs.checker.rule import Rule, Status
from textenvs.checker.rules import RULES


class EnvContractTests:
    """Mix-in for a pytest class: one test for each rule, ``test_history_only_grows`` and so on.

    ::

        class TestMyEnv(EnvContractTests):
            target = "my_env:MyEnv"

    A rule that looks at something the environment does not offer skips its test.

    Attributes:
        target: what `check_text_env` takes.
        env_kwargs: its settings.
        items, draws: as for `check_text_env`.
        skip_rules: names of rules that the environment breaks on purpose; say why beside them.
    """

    target: ClassVar[Target]
    env_kwargs: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    items: ClassVar[int] = 12
    draws: ClassVar[int] = 500
    skip_rules: ClassVar[Collection[str]] = ()
    _examination: ClassVar[Examination | None] = None

    @classmethod
    def examination(cls) -> Examination:
        """Return the examination that the tests of this class share."""
        if "_examination" not in cls.__dict__ or cls._examination is None:
            cls._examination = Examination(cls.target, cls.env_kwargs, items=cls.items, draws=cls.draws)
        return cls._examination


def _test_of(rule: Rule) -> Callable[[EnvContractTests], None]:
    def test(self: EnvContractTests) -> None:
        if rule.name in self.skip_rules:
            raise unittest.SkipTest(f"{type(self).__name__}.skip_rules names {rule.name}")
        finding = rule.examine(self.examination())
        if finding.status is Status.SKIPPED:
            raise unittest.SkipTest("; ".join(finding.evidence))
        if finding.status is Status.BROKEN:
            raise AssertionError(say(finding))

    test.__doc__ = rule.sentence
    return test


for _rule in RULES:
    setattr(EnvContractTests, f"test_{_rule.name}", _test_of(_rule))
