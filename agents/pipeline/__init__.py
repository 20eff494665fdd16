"""Pipeline: the stages of fine-tuning as one graph that is run once, resumed, and run again only where it changed."""

from agents.pipeline.plan import Plan, Stage, read_plan
from agents.pipeline.run import Decision, decide, run_plan

__all__ = ["Decision", "Plan", "Stage", "decide", "read_plan", "run_plan"]
