"""Car racing from pictures: frames through an encoder, its means into the networks.

In: networks and shared weights. Out: returns. Lanes are individual x weight x episode; an episode is a track, the same
for all, painted once. Drawing and encoding frames is nearly all the cost, so it is done for lanes that still drive
only, a few at a time (a CPU's cache holds those), and once for every `encode_interval` steps.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array, lax
from jaxtyping import Bool, Float, Int, Key

from wann_jax.devices import over_blocks
from wann_jax.envs.car_racing import drive as driving
from wann_jax.envs.car_racing.drive import STEP_COST, Drive
from wann_jax.envs.car_racing.picture import camera_of, render
from wann_jax.envs.car_racing.texture import Texture, bake_all
from wann_jax.envs.car_racing.track import Track, make_tracks
from wann_jax.errors import require
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.kernels.choosing import Backend, on_each_platform
from wann_jax.networks.layered import Topology, in_lanes
from wann_jax.networks.network import Network
from wann_jax.tasks.base import Episodic
from wann_jax.tasks.tunable import NoGradients
from wann_jax.vae.model import CPU_CHUNK, Params, encode

NUM_OUTPUTS = 3
LANES_PER_BLOCK = 4096
_ACCELERATOR_CHUNK = 2048  # frames drawn and encoded at a time


class CarRacingTask(Episodic, NoGradients, struct.PyTreeNode):
    """The paper's third control task."""

    encoder: Params
    max_steps: int = struct.field(pytree_node=False, default=1000)
    encode_interval: int = struct.field(pytree_node=False, default=1)  # steps between looks; actions hold on
    patience: int = struct.field(pytree_node=False, default=0)  # steps without a new tile until a lane stops; 0: never
    name: str = struct.field(pytree_node=False, default="carracing")
    num_outputs: int = struct.field(pytree_node=False, default=NUM_OUTPUTS)
    hidden_activations: tuple[int, ...] = struct.field(pytree_node=False, default=tuple(ACTIVATION_IDS.values()))
    work_unit: str = struct.field(pytree_node=False, default="steps")
    score_name: str = struct.field(pytree_node=False, default="return")

    @classmethod
    def create(
        cls, encoder: Params, max_steps: int = 1000, encode_interval: int = 1, patience: int = 0
    ) -> "CarRacingTask":
        """Raises ConfigError for numbers out of range."""
        for name, value, least in (
            ("max_steps", max_steps, 1),
            ("encode_interval", encode_interval, 1),
            ("patience", patience, 0),
        ):
            fits = isinstance(value, int) and least <= value < 2**31
            require(fits, f"task.{name}", f"a whole number, at least {least}", value)
        return cls(jax.tree.map(jnp.asarray, encoder), max_steps, encode_interval, patience)

    @property
    def num_inputs(self) -> int:
        """Latents."""
        return self.encoder["mean"]["bias"].shape[-1]

    def rollout(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> tuple[Float[Array, "P W R"], Float[Array, "P"]]:
        """Return of each episode, and the steps that each individual took in all. Consumes `key`."""
        lane_weights = jnp.repeat(shared_weights, episodes)
        num_lanes = lane_weights.shape[0]

        def rollout(backend: Backend, task, networks, lane_weights, tracks, textures):
            def run(block):
                policy, lanes = backend.policy(block, lane_weights), (block.num_rows.shape[0], num_lanes)
                returns, steps = task._run_lanes(policy.step, policy.memory, lanes, tracks, textures)
                return returns.reshape(lanes[0], -1, episodes), steps

            return over_blocks(run, networks, max(1, LANES_PER_BLOCK // num_lanes))

        return on_each_platform(rollout, self, networks, lane_weights, *_scenery(key, episodes))

    def score_weights(
        self, topology: Topology, weights: Float[Array, "P #R C"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P R"]:
        """Return of each of R = `episodes` episodes under each weight vector, or a vector for each episode.

        Consumes `key`; `split` makes no difference: every key is fresh.
        """
        tracks, textures = _scenery(key, episodes)

        def run(block):
            def policy(memory, inputs):
                return memory, in_lanes(topology, block, inputs)

            return self._run_lanes(policy, (), (block.shape[0], episodes), tracks, textures)[0]

        return over_blocks(run, weights, max(1, LANES_PER_BLOCK // episodes))

    def _run_lanes(
        self,
        policy: Callable[[Any, Array], Any],
        memory: Any,
        lanes: tuple[int, int],
        tracks: Track,
        textures: Texture,
    ) -> tuple[Float[Array, "P L"], Float[Array, "P"]]:
        """Returns of all lanes, and each individual's steps; `policy(memory, inputs)` gives memory and outputs."""
        size, episodes = lanes[0] * lanes[1], tracks.num_tiles.shape[0]
        track_index = jnp.tile(jnp.arange(episodes, dtype=jnp.int32), size // episodes)

        def running(carry):
            return (carry[0] < self.max_steps) & carry[-1].any()

        def look_and_drive(carry):
            step, memory, codes, drive, *rest = carry
            codes = self._look(textures, track_index, drive, codes, rest[-1])
            memory, outputs = policy(memory, codes.reshape(*lanes, -1))
            action = driving.paper_action(jnp.moveaxis(outputs.reshape(size, NUM_OUTPUTS), -1, 0))
            controls = driving.controls_of(action)

            def advance(index, carry):
                return self._advance(tracks, track_index, controls, step + index, carry)

            return (
                step + self.encode_interval,
                memory,
                codes,
                *lax.fori_loop(0, self.encode_interval, advance, (drive, *rest)),
            )

        drive = driving.start(tracks, track_index)
        nothing, never = jnp.zeros(size), jnp.zeros(size, jnp.int32)
        codes = jnp.zeros((size, self.num_inputs))
        start = (jnp.int32(0), memory, codes, drive, nothing, never, never, jnp.ones(size, bool))
        *_, returns, steps, _, _ = lax.while_loop(running, look_and_drive, start)
        return returns.reshape(lanes), steps.reshape(lanes).sum(-1).astype(jnp.float32)

    def _advance(
        self, tracks: Track, track_index: Int[Array, "B"], controls: driving.Controls, step: Array, carry: Any
    ) -> Any:
        """One step of those that drive. A lane that is stopped has the rest of its time taken off its return."""
        drive, returns, steps, progress, alive = carry
        visited = drive.num_paid
        drive, reward, has_ended = driving.advance(tracks, track_index, drive, controls)
        alive = alive & (step < self.max_steps)
        returns = returns + jnp.where(alive, reward, 0.0)
        steps = steps + alive.astype(jnp.int32)
        alive = alive & ~has_ended
        progress = jnp.where(drive.num_paid > visited, step, progress)
        if self.patience:
            is_lost = alive & (step - progress >= self.patience)
            rest = (self.max_steps - 1 - step).astype(jnp.float32)
            returns = returns - jnp.where(is_lost, STEP_COST * rest, 0.0)
            alive = alive & ~is_lost
        return drive, returns, steps, progress, alive

    def _look(
        self,
        textures: Texture,
        track_index: Int[Array, "B"],
        drive: Drive,
        codes: Float[Array, "B Z"],
        alive: Bool[Array, "B"],
    ) -> Float[Array, "B Z"]:
        """New codes of the lanes that still drive; the work is in proportion to their number."""
        size = alive.shape[0]
        chunk = min(size, CPU_CHUNK if jax.default_backend() == "cpu" else _ACCELERATOR_CHUNK)
        order = jnp.argsort(~alive, stable=True)
        order = jnp.pad(order, (0, -size % chunk), mode="edge")
        num_chunks = (alive.sum() + chunk - 1) // chunk
        cameras = camera_of(drive)

        def look(index, codes):
            chosen = lax.dynamic_slice(order, (index * chunk,), (chunk,))
            camera, on = jax.tree.map(lambda leaf: leaf[chosen], (cameras, track_index))
            return codes.at[chosen].set(encode(self.encoder, render(textures, on, camera)))

        return lax.fori_loop(0, num_chunks, look, codes)


def _scenery(key: Array, episodes: int) -> tuple[Track, Texture]:
    """A track for each episode, and its texture."""
    tracks = make_tracks(key, episodes)
    return tracks, bake_all(tracks)
