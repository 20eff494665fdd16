"""The settings that belong together, as small frozen records inside `agents.algorithms.config.TrainConfig`."""

from agents.algorithms.settings.checkpoints import Checkpoints
from agents.algorithms.settings.convergence import Convergence
from agents.algorithms.settings.curriculum import Curriculum
from agents.algorithms.settings.exploration import Exploration
from agents.algorithms.settings.filters import Filters
from agents.algorithms.settings.importance import Importance
from agents.algorithms.settings.kl_control import KLControl
from agents.algorithms.settings.trust_region import TrustRegion

__all__ = [
    "Checkpoints",
    "Convergence",
    "Curriculum",
    "Exploration",
    "Filters",
    "Importance",
    "KLControl",
    "TrustRegion",
]
