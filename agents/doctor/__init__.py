"""The doctor: does this model, in this environment, train on what it really said?"""

from agents.doctor.examine import examine
from agents.doctor.finding import Finding, Verdict

__all__ = ["Finding", "Verdict", "examine"]
