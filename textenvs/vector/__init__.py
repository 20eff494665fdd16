"""TextVectorEnv: many text environments at once, none of which waits for another.

TextVectorEnv     Gymnasium's face; `send` and `receive` for those who do not want to wait
slots           one per environment: its worker, and its steps in order
workers         inline, thread, process: where an environment is played, one job at a time
player          one environment, opened when it is first needed (its double in another process: remote)
scoring         the reward, asked in the parent: at once, or on threads of its own
"""

from textenvs.vector.env import TextVectorEnv
from textenvs.vector.slots import Step
from textenvs.vector.supply import EnvMaker, EnvSource, Supply
from textenvs.vector.workers import WorkerKind

__all__ = ["EnvMaker", "EnvSource", "Step", "Supply", "TextVectorEnv", "WorkerKind"]
