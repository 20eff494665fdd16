"""Supervised stages of fine-tuning, on TRL; every row is rendered by `agents.chat`."""

from agents.finetune.call_drills import call_drills
from agents.finetune.demonstrations import Demonstration, oracle_rows
from agents.finetune.drills import copy_drills
from agents.finetune.sft import SFTConfig, SFTMetrics, sft

__all__ = ["Demonstration", "SFTConfig", "SFTMetrics", "call_drills", "copy_drills", "oracle_rows", "sft"]
