"""A reward model from a file of one's own preferences: train it, see how good it is, let an environment pay it."""

import json
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym

import textenvs
from agents import RewardModel
from agents.cli import main

CITIES = ("Paris", "Oslo", "Rome", "Lima", "Cairo", "Delhi", "Tokyo", "Bern", "Quito", "Accra", "Hanoi", "Turin")
TOPICS = ("weather", "time", "price of a room", "mayor", "best museum")


def preferences() -> Iterator[dict[str, object]]:
    """Yield what somebody prefers: the question that names the city, over the one that leaves it open."""
    for city in CITIES:
        for topic in TOPICS:
            yield {
                "prompt": [{"role": "user", "content": f"I am going to {city}. What about the {topic}?"}],
                "chosen": [{"role": "assistant", "content": f"What is the {topic} in {city}?"}],
                "rejected": [{"role": "assistant", "content": f"What is the {topic} there?"}],
            }


Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in preferences()), encoding="utf-8")
small = ["--set", "tiny.hidden_size=64", "--set", "tiny.layers=2", "--epochs", "6", "--batch-size", "8"]
main(["reward-model", "--data", "pairs.jsonl", "--out", "runs/rm", "--held-out", "0.2", *small])

model = RewardModel("runs/rm")
history = (textenvs.Message("user", "I am going to Oslo. What about the mayor?"),)
for answer in ("What is the mayor in Oslo?", "What is the mayor there?"):
    print(f"{model(textenvs.Turn('', history, answer)):+.2f}  {answer}")

env = gym.make("MultiTurnRewrite-v0", language="en", difficulty="tiny", reward=model)
env.reset(seed=1)
_, reward, _, _, info = env.step(env.unwrapped.oracle_action())
print(f"{reward:+.2f}  {info['reward_parts']}")
