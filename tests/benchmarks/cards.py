"""The cards of all environments, into the file that `textenvs show` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agents.evaluation.cards import measure_card
from envs_registry.cards import FILE
from envs_registry.catalog import CATALOG, COMPOSED
from tests.cells import commit
from tests.conftest import ROOT


def measure() -> Mapping[str, Any]:
    """Write the cards, and return the oracle's success and the worst exploit of each."""
    cards = [measure_card(entry.id, commit()) for entry in (*CATALOG, *COMPOSED)]
    text = json.dumps([card.as_dict() for card in cards], indent=1, ensure_ascii=False) + "\n"
    (ROOT / "envs_registry" / FILE).write_text(text, encoding="utf-8")
    return {
        card.env_id: {
            "oracle": card.policies["oracle"].success.mean,
            "worst exploit": card.exploit and card.exploit.name,
            "below honest": card.exploit and card.exploit.below_honest,
        }
        for card in cards
    }
