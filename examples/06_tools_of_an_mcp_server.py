"""The same with the tools of an MCP server, here of `home_server.py`; name any other command, or a URL."""

import json
import sys
import tempfile
from pathlib import Path

from agents import PPO, evaluate
from agents.finetune import SFTConfig, oracle_rows, sft
from agents.policies.tiny import TinyConfig, build_tiny


def task(said: str, **arguments: object) -> str:
    """One line of the task file."""
    calls = [{"name": "light", "arguments": arguments}]
    return json.dumps({"messages": [{"role": "user", "content": said}], "calls": calls, "split": "train"})


rooms = ("kitchen", "hall", "attic", "cellar", "garage", "office")
tasks = [task(f"{word} in the {room}", room=room, on=word == "light") for room in rooms for word in ("light", "dark")]
with tempfile.TemporaryDirectory() as folder:
    (path := Path(folder) / "tasks.jsonl").write_text("\n".join(tasks), encoding="utf-8")
    tools = f"mcp:{sys.executable} {Path(__file__).with_name('home_server.py')}"
    world = {"tools": tools, "tasks": str(path), "instruction": "", "max_turns": 2}
    rows = oracle_rows("ToolCall-v0", world, n=64)
    texts = [text for row in rows for text in (*row.tools, *(message["content"] for message in row.messages))]
    policy = build_tiny(texts, TinyConfig(hidden_size=64, layers=2, copying=True))
    sft(policy, rows, SFTConfig(epochs=3, learning_rate=4e-3, batch_size=8))
    policy.freeze_reference()
    settings = {"env_kwargs": world, "max_new_tokens": 40}
    before = evaluate(policy, "ToolCall-v0", split="train", **settings)
    pace = {"learning_rate": 3e-4, "n_episodes_per_update": 64, "value_warmup_updates": 1}
    agent = PPO(policy, "ToolCall-v0", **pace, temperature=0.7, kl_coef=0.05, **settings)
    agent.learn(total_episodes=320)
    after = evaluate(agent, "ToolCall-v0", split="train", **settings)
print(f"success before: {before.success.estimate:.0%}, after: {after.success.estimate:.0%}")
