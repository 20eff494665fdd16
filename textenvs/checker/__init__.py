"""The conformance kit: what a text environment promises beyond Gymnasium's own check, as rules.

check_text_env      every rule on one environment, as a report
EnvContractTests    every rule as a test, for a pytest class
rules               the rules, one file for each topic
examination         one environment, played once for all rules
testimony           the same environment in another process (which runs witness)
"""

from textenvs.checker.check import check_text_env, select
from textenvs.checker.contract import EnvContractTests
from textenvs.checker.examination import Examination
from textenvs.checker.report import Report
from textenvs.checker.rule import Finding, NotOfferedError, Rule, Status, rule
from textenvs.checker.rules import RULES

__all__ = [
    "RULES",
    "EnvContractTests",
    "Examination",
    "Finding",
    "NotOfferedError",
    "Report",
    "Rule",
    "Status",
    "check_text_env",
    "rule",
    "select",
]
