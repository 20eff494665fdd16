"""Episodes in, trajectories out."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.engine import Completion, Engine
from agents.rollout.episode import NO_HANDLE, EpisodeRequest, LiveEpisode
from agents.rollout.local import LocalEngine
from agents.rollout.sampling import SamplingParams
from agents.trajectory import Trajectory
from textenvs.errors import ConfigError
from textenvs.faults import Fault
from textenvs.messages import Stop
from textenvs.vector import EnvSource, Step, Supply, TextVectorEnv, WorkerKind

__all__ = ["CONTEXT_FULL", "Collector", "EpisodeRequest"]

CONTEXT_FULL = Fault.CONTEXT_FULL.value
"""`Trajectory.stop` of a conversation whose next turn would not fit the model's context."""

MAX_LIVE: dict[WorkerKind, int] = {"inline": 512, "thread": 128, "process": 32}
"""Most environments alive at once, where more can be made: threads cost a little, processes some 40 MB each."""


class Collector:
    """Plays episodes with a policy; live conversations decode together, whatever their lengths.

    The same requests, update number and weights give the same trajectories in any order and any company: the
    noise is keyed by (seed, update, item, member, turn, position). (Floating-point sums differ in their last
    bits with the batch, so a draw that falls exactly between two tokens may differ.) Inline workers are scheduled
    by counts alone, and repeat to the bit; others do where they are told to.

    No conversation waits for another's environment, and none for its own rewards: the next turn is generated while
    the last is being judged.

    Args:
        policy: what plays.
        envs: a function that makes an environment, an id, a list of environments, or a `Supply`.
        params: the sampler.
        max_context: longest context in tokens; a conversation whose next turn of `params.max_new_tokens` would
            not fit is truncated. None takes the model's own limit.
        max_live: most environments alive at once, where more can be made; None takes `MAX_LIVE`.
        engine: what generates; None is the `LocalEngine`.
        workers: where environments are played; see `textenvs.vector.WorkerKind`.
        step_timeout_s: time limit of one environment step and of one reward, in seconds.
        deterministic: schedule by counts, never by the clock, whatever the workers: all environments that were asked
            answer, in their order, before anything goes on. Only a time limit can still tell two runs apart.

    Attributes:
        counts: what has failed so far, by boundary. Where an environment or the engine failed, it left a trajectory
            that says so (`Trajectory.failed`); where a reward did, an invalid turn.
        waits_for_all: whether all environments are heard before anything goes on.

    Raises:
        UsageError: if not even one turn fits the context, there is no environment, or the workers cannot do what is
            asked of them.
    """

    def __init__(
        self,
        policy: CausalLMPolicy,
        envs: EnvSource | Supply,
        params: SamplingParams,
        *,
        max_context: int | None = None,
        max_live: int | None = None,
        engine: Engine | None = None,
        workers: WorkerKind = "inline",
        step_timeout_s: float | None = None,
        deterministic: bool = False,
    ) -> None:
        self.policy = policy
        self.params = params
        self.max_context = min(max_context or policy.context_length, policy.context_length)
        if self.max_context <= params.max_new_tokens:
            raise ConfigError(
                f"max_new_tokens={params.max_new_tokens} leaves no room for a prompt in a context of {self.max_context}"
            )
        self.engine: Engine = engine or LocalEngine(policy)
        self.counts: Counter[Fault] = Counter()
        supply = envs if isinstance(envs, Supply) else Supply(envs)
        size = supply.size or max_live or MAX_LIVE.get(workers)
        self._envs = TextVectorEnv(supply, size, workers=workers, step_timeout_s=step_timeout_s)
        self.waits_for_all = deterministic and workers != "inline"
        self._seats: dict[int, LiveEpisode] = {}
        self._speaking: dict[int, LiveEpisode] = {}
        self._free: list[int] = []
        self._handles = 0

    def set_progress(self, progress: float) -> None:
        """Tell the reward how far training has come, from 0.0 to 1.0; call it before an update's first `collect`.

        What the rewards of environments that score themselves have learned is no part of `state`.
        """
        self._envs.set_progress(progress)

    def collect(self, requests: Sequence[EpisodeRequest], update: int = 0) -> list[Trajectory]:
        """Play the requested episodes.

        Args:
            requests: what to play; put the members of a group side by side, so that they share a prefill.
            update: number of the training update, which keys the noise.

        Returns:
            One trajectory per request, in the same order.
        """
        version = self.engine.sync(self.policy)
        self._clear()
        waiting = deque(enumerate(requests))
        done: dict[int, Trajectory] = {}
        while waiting or self._seats:
            while waiting and self._free:
                place, request = waiting.popleft()
                self._seat(LiveEpisode(place, request, self._free.pop(), update, version))
            while self._worlds_are_due():
                for step in self._listen():
                    self._take(step, done)
            for completion in self.engine.poll() if self._speaking else ():
                self._answer(self._speaking.pop(completion.handle), completion, done)
        return [done[place] for place in range(len(requests))]

    @property
    def staleness(self) -> int:
        """How many updates ahead episodes are to be expected: none, they are played when they are asked for."""
        return 0

    def expect(self, requests: Sequence[EpisodeRequest], update: int) -> None:
        """Do nothing; a collector that plays beside the training begins here."""

    def state(self) -> Mapping[str, Any]:
        """Return what is remembered from one `collect` to the next; environments are reseeded at every reset."""
        reward = self._envs.reward.state() if self._envs.reward else {}
        return {"faults": {fault.value: count for fault, count in self.counts.items()}, "reward": reward}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Remember what `state` returned."""
        self.counts = Counter({Fault(name): count for name, count in state["faults"].items()})
        if self._envs.reward is not None:
            self._envs.reward.restore(state["reward"])

    def close(self) -> None:
        """Close the environments."""
        self._envs.close()

    def _clear(self) -> None:
        """Forget the episodes of a call that was interrupted."""
        self._envs.discard()
        for episode in self._seats.values():
            self.engine.release(episode.handle)
        self._seats.clear()
        self._speaking.clear()
        self._free = list(reversed(range(self._envs.num_envs)))

    def _seat(self, episode: LiveEpisode) -> None:
        """Give an episode an environment, and have it begin there."""
        request = episode.request
        self._seats[episode.slot] = episode
        options = None if request.index is None else {"index": request.index}
        self._envs.begin(episode.slot, seed=request.item, options=options)

    def _worlds_are_due(self) -> bool:
        """Return whether to listen to the environments now, rather than to let the engine speak.

        The engine decodes many conversations for little more than one, so it waits until at least half of those
        that could go on are ready. It does not wait for the slow half, nor for any reward.
        """
        in_world = sum(episode.in_world for episode in self._seats.values())
        return in_world > len(self._speaking) if self._speaking else bool(self._seats)

    def _listen(self) -> list[Step]:
        """Return what the environments that are ready say; what all of them do, where the clock must not matter."""
        if not self.waits_for_all:
            return self._envs.receive(early=True)
        due = {episode.slot for episode in self._seats.values() if episode.in_world}
        steps: list[Step] = []
        while due and (arrived := self._envs.receive()):
            steps += arrived
            due -= {step.index for step in arrived}
        return sorted(steps, key=lambda step: step.index)

    def _take(self, step: Step, done: dict[int, Trajectory]) -> None:
        """Take what an environment, or its reward, has to say."""
        episode = self._seats[step.index]
        if step.fault is not None:
            self.counts[step.fault] += 1
        if step.moved:
            self._move(episode, step)
        if step.settled:
            episode.settle(step)
        self._file(episode, done)

    def _move(self, episode: LiveEpisode, step: Step) -> None:
        """Go on with a conversation whose world has moved: it ends, or the engine is asked for its next turn."""
        before, episode.in_world = episode.observation, False
        if step.fault is not None and step.fault.stop is not None:
            episode.stop = step.fault.stop.value
            return
        episode.observation, episode.last_action = step.observation, None
        episode.terminated = step.terminated
        stop = str(step.info.get("stop", ""))
        if step.terminated:
            episode.stop = stop or "terminated"
            return
        if episode.handle == NO_HANDLE:
            self._open(episode)
        else:
            context, reason = episode.recording.context, episode.finish_reason
            self._extend(episode, self.policy.chat.continuation(context, before, step.observation, reason))
        if step.truncated:
            episode.stop = stop or Stop.TRUNCATED.value
        elif len(episode.recording.context) + self.params.max_new_tokens > self.max_context:
            episode.stop = CONTEXT_FULL
            self.counts[Fault.CONTEXT_FULL] += 1
        else:
            self.engine.submit(episode.handle, self.params, episode.stream(self.params.seed))
            self._speaking[episode.handle] = episode

    def _answer(self, episode: LiveEpisode, completion: Completion, done: dict[int, Trajectory]) -> None:
        """Send a completed turn into the world."""
        if not _is_usable(completion):
            self.counts[Fault.GENERATION_FAILED] += 1
            episode.stop = Stop.GENERATION_FAILED.value
            self._file(episode, done)
            return
        episode.say(completion, self.policy.chat.action_text(completion.token_ids), self.params.temperature)
        self._envs.send({episode.slot: episode.last_action})

    def _file(self, episode: LiveEpisode, done: dict[int, Trajectory]) -> None:
        """Put away an episode that has ended and whose rewards are all there."""
        if not episode.is_complete:
            return
        if episode.handle != NO_HANDLE:
            self.engine.release(episode.handle)
        done[episode.place] = episode.trajectory(self.max_context)
        del self._seats[episode.slot]
        self._free.append(episode.slot)

    def _open(self, episode: LiveEpisode) -> None:
        """Give the engine a new conversation with the whole prompt."""
        ids = self.policy.chat.prompt_ids(episode.observation)
        episode.handle, self._handles = self._handles, self._handles + 1
        episode.recording.add_world(ids)
        self.engine.append(episode.handle, ids)

    def _extend(self, episode: LiveEpisode, ids: list[int] | None) -> None:
        """Feed what follows a turn; where the past was rewritten, begin a new segment instead."""
        if ids is None:
            self.engine.release(episode.handle)
            episode.recording.start_segment()
            self._open(episode)
        else:
            episode.recording.add_world(ids)
            self.engine.append(episode.handle, ids)


def _is_usable(completion: Completion) -> bool:
    """Return whether a turn has tokens, each with a probability: NaN never reaches the weights."""
    return bool(completion.token_ids) and all(map(math.isfinite, completion.logprobs))
