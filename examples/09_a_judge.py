"""A chat model as a judge: of single answers, as one reward among others, and of pairs, for preferences.

Any server with OpenAI's chat protocol will do. So that this runs anywhere, the judge here is a program of ten lines on
a real server of this machine, and likes answers that are short.
"""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import gymnasium as gym

import textenvs
from textenvs.chat_client import Endpoint, client_of
from textenvs.envs.rewrite.reward import consistency
from textenvs.rewards import WeightedSum
from textenvs.rewards.judge import Judge, Pair, PairwiseJudge


class ShortIsGood(BaseHTTPRequestHandler):
    """Stands in for a model; what it judges stands in fences, as JSON."""

    def do_POST(self) -> None:
        """Answer as a chat model does, in JSON."""
        told = json.loads(self.rfile.read(int(self.headers["content-length"])))["messages"][-1]["content"]
        *_, first, last = (json.loads(text) for _, text in re.findall(r"<data (\w+)>\n(.*?)\n</data \1>", told, re.S))
        verdict = (
            {"better": "A" if len(first) < len(last) else "B"} if "Answer B" in told else {"score": 9 - len(last) // 20}
        )
        message = {"role": "assistant", "content": json.dumps({"reason": "by its length", **verdict})}
        usage = {"prompt_tokens": len(told) // 4, "completion_tokens": 20}
        reply = json.dumps({"choices": [{"message": message}], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


server = ThreadingHTTPServer(("127.0.0.1", 0), ShortIsGood)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}/v1", "short-is-good", prices=(0.5, 1.5), timeout_s=10.0)

# As a reward: eight dialogues side by side, each round of answers judged at once.
reward = WeightedSum({"judge": Judge(endpoint), "consistency": consistency}, {"judge": 0.3, "consistency": 0.7})
envs = gym.make_vec("MultiTurnRewrite-v0", 8, language="en", difficulty="easy", reward=reward)
envs.reset(seed=3)
_, rewards, _, _, infos = envs.step(envs.call("oracle_action"))
print("rewards", [round(value, 2) for value in rewards.tolist()])
print("judge  ", [round(value, 2) for value in infos["reward_parts"]["judge"].tolist()])

# Of pairs, asked in both orders: a judge that goes by the place would prefer neither.
history = (textenvs.Message("user", "I am going to Oslo. What about the mayor?"),)
long, short = "Could you please tell me who the mayor of Oslo is these days?", "Who is the mayor of Oslo?"
print("prefers the first:", PairwiseJudge(endpoint).prefer([Pair(history, long, short), Pair(history, short, long)]))

usage = client_of(endpoint).usage
print(f"{usage.answers} verdicts, {usage.failures} failures, cost {usage.cost(endpoint.prices):.4f}")
envs.close()
server.shutdown()
