"""Your own dialogues behind the same id: one conversation a line of JSON."""

import json
import tempfile
from pathlib import Path

import gymnasium as gym

import textenvs  # noqa: F401 (registers the ids)

conversation = {
    "language": "en",
    "turns": [
        {
            "utterance": "Who runs the harbour ferry?",
            "rewrite": "Who runs the harbour ferry?",
            "reply": "The city does.",
        },
        {"utterance": "How often does it go?", "rewrite": "How often does the harbour ferry go?", "reply": "Hourly."},
    ],
}
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "mine.jsonl"
    path.write_text(
        "".join(json.dumps({**conversation, "topic": f"ferry {i}"}) + "\n" for i in range(10)), encoding="utf-8"
    )
    env = gym.make("MultiTurnRewrite-v0", corpus=str(path), render_mode="ansi")
    env.reset(options={"index": 0})
    env.step("Who runs the harbour ferry?")
    _, reward, _, _, info = env.step("How often does it go?")  # a copy restores nothing
    print(env.render())
    print(f"\nreward {reward:.2f}, from {info['reward_parts']}")
