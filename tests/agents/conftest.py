"""Models this small are slower on two threads than on one, and far slower on a busy machine."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
