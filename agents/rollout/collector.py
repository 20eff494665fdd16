"""Episodes in, trajectories out."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.engine import Completion, Engine
from agents.rollout.episode import NO_HANDLE, EpisodeRequest, LiveEpisode, TextGymEnv
from agents.rollout.local import LocalEngine
from agents.rollout.recording import failed_turn, turn_record
from agents.rollout.sampling import SamplingParams
from agents.trajectory import Trajectory
from textenvs.errors import ConfigError, UsageError
from textenvs.messages import Stop

__all__ = ["CONTEXT_FULL", "Collector", "EpisodeRequest"]

_LOG = logging.getLogger(__name__)

CONTEXT_FULL = "context_full"
"""`Trajectory.stop` of a conversation whose next turn would not fit the model's context."""


class Collector:
    """Plays episodes with a policy; live conversations decode together, whatever their lengths.

    The same requests, update number and weights give the same trajectories in any order and any company: the
    noise is keyed by (seed, update, item, member, turn, position). (Floating-point sums differ in their last
    bits with the batch, so a draw that falls exactly between two tokens may differ.)

    Args:
        policy: what plays.
        envs: a function that makes an environment, or a list of environments.
        params: the sampler.
        max_context: longest context in tokens; a conversation whose next turn of `params.max_new_tokens` would
            not fit is truncated. None takes the model's own limit.
        max_live: most environments alive at once, where `envs` is a function.
        engine: what generates; None is the `LocalEngine`.

    Attributes:
        faults: how many environments have raised; each of them left a trajectory with ``stop="error"``.

    Raises:
        ConfigError: if not even one turn fits the context, or there is no environment.
    """

    def __init__(
        self,
        policy: CausalLMPolicy,
        envs: Callable[[], TextGymEnv] | Sequence[TextGymEnv],
        params: SamplingParams,
        *,
        max_context: int | None = None,
        max_live: int = 512,
        engine: Engine | None = None,
    ) -> None:
        self.policy = policy
        self.params = params
        self.max_context = min(max_context or policy.context_length, policy.context_length)
        if self.max_context <= params.max_new_tokens:
            raise ConfigError(
                f"max_new_tokens={params.max_new_tokens} leaves no room for a prompt in a context of {self.max_context}"
            )
        self.engine: Engine = engine or LocalEngine(policy)
        self.faults = 0
        self._make_env = envs if callable(envs) else None
        self._idle: list[TextGymEnv] = [] if callable(envs) else list(envs)
        if not callable(envs) and not self._idle:
            raise ConfigError("the list of environments is empty; give at least one, or a function that makes one")
        self._may_make = max_live if callable(envs) else 0
        self._handles = 0

    def collect(self, requests: Sequence[EpisodeRequest], update: int = 0) -> list[Trajectory]:
        """Play the requested episodes.

        Args:
            requests: what to play; put the members of a group side by side, so that they share a prefill.
            update: number of the training update, which keys the noise.

        Returns:
            One trajectory per request, in the same order.
        """
        version = self.engine.sync(self.policy)
        waiting = deque(enumerate(requests))
        live: dict[int, LiveEpisode] = {}
        done: dict[int, Trajectory] = {}
        while waiting or live:
            while waiting and (env := self._take_env()) is not None:
                place, request = waiting.popleft()
                episode = LiveEpisode(place, request, env, update, version)
                self._settle(episode, self._begin(episode), live, done)
            for completion in self.engine.poll():
                episode = live.pop(completion.handle)
                self._settle(episode, self._step(episode, completion), live, done)
        return [done[place] for place in range(len(requests))]

    def state(self) -> Mapping[str, Any]:
        """Return what is remembered from one `collect` to the next; environments are reseeded at every reset."""
        return {"faults": self.faults}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Remember what `state` returned."""
        self.faults = state["faults"]

    def close(self) -> None:
        """Close the environments."""
        for env in self._idle:
            env.close()
        self._idle.clear()

    def _settle(
        self, episode: LiveEpisode, ended: str | None, live: dict[int, LiveEpisode], done: dict[int, Trajectory]
    ) -> None:
        """Ask for the next turn of an episode that goes on; file one that has ended."""
        if ended is None and len(episode.recording.context) + self.params.max_new_tokens > self.max_context:
            ended = CONTEXT_FULL
        if ended is None:
            self.engine.submit(episode.handle, self.params, episode.stream(self.params.seed))
            live[episode.handle] = episode
            return
        if episode.handle != NO_HANDLE:
            self.engine.release(episode.handle)
        done[episode.place] = episode.trajectory(ended, self.max_context)
        self._give_back(episode.env, broken=ended == Stop.ERROR)

    def _begin(self, episode: LiveEpisode) -> str | None:
        """Reset the environment and open the conversation; return why the episode has ended, or None."""
        request = episode.request
        options = None if request.index is None else {"index": request.index}
        try:
            episode.observation, episode.info = episode.env.reset(seed=request.item, options=options)
        except UsageError:
            raise
        except Exception as error:
            return self._fault(episode, error)
        self._open(episode)
        return None

    def _step(self, episode: LiveEpisode, completion: Completion) -> str | None:
        """Play one completed turn; return why the episode has ended, or None."""
        recording, before = episode.recording, episode.observation
        recording.add_turn(completion)
        temperature, reason = self.params.temperature, completion.finish_reason
        episode.last_action = self.policy.chat.action_text(completion.token_ids)
        try:
            after, reward, terminated, truncated, info = episode.env.step(episode.last_action)
        except Exception as error:
            recording.turns.append(failed_turn(temperature, reason))
            return self._fault(episode, error)
        episode.observation, episode.info, episode.last_action = after, info, None
        recording.turns.append(turn_record(float(reward), info, temperature, reason))
        episode.terminated = bool(terminated)
        if terminated:
            return str(info.get("stop", "")) or "terminated"
        self._extend(episode, self.policy.chat.continuation(recording.context, before, after, reason))
        return (str(info.get("stop", "")) or Stop.TRUNCATED.value) if truncated else None

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

    def _fault(self, episode: LiveEpisode, error: Exception) -> str:
        self.faults += 1
        _LOG.warning("the environment failed on %s: %s: %s", episode.request, type(error).__name__, error)
        _LOG.debug("traceback of the failed environment", exc_info=error)
        return Stop.ERROR.value

    def _take_env(self) -> TextGymEnv | None:
        if not self._idle and self._make_env is not None and self._may_make > 0:
            self._may_make -= 1
            self._idle.append(self._make_env())
        return self._idle.pop() if self._idle else None

    def _give_back(self, env: TextGymEnv, broken: bool) -> None:
        """Keep the environment for the next episode; replace one that has failed, where a new one can be made."""
        if not broken or self._make_env is None:
            self._idle.append(env)
            return
        self._may_make += 1
        try:
            env.close()
        except Exception as error:
            _LOG.warning("closing a failed environment failed too: %s", error)
