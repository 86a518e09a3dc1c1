"""Car racing from pictures: frames through an encoder, its means into the networks.

In: networks and shared weights. Out: returns. An episode is a track, the same for all lanes (lanes.py), painted once.
Drawing and encoding frames is nearly all the cost, so it is done for lanes that still drive
only, a few at a time (a CPU's cache holds those), and once for every `encode_interval` steps.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array, lax
from jaxtyping import Float, Int, Key

from wann_jax.envs.car_racing import drive as driving
from wann_jax.envs.car_racing import experts
from wann_jax.envs.car_racing.drive import STEP_COST, Drive
from wann_jax.envs.car_racing.picture import camera_of, render
from wann_jax.envs.car_racing.texture import Texture, bake_all
from wann_jax.envs.car_racing.track import Track, make_tracks
from wann_jax.errors import require
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.tasks.lanes import InLanes, Lanes
from wann_jax.tasks.tunable import NoGradients
from wann_jax.vae.model import CPU_CHUNK, Params, encode

NUM_OUTPUTS = 3
LANES_PER_BLOCK = 4096
_ACCELERATOR_CHUNK = 2048  # frames drawn and encoded at a time


class Driver(NamedTuple):
    """What a lane of car racing carries; the axis [B] is all lanes in a row."""

    track_index: Int[Array, "B"]
    codes: Float[Array, "B Z"]  # of the last frame
    drive: Drive
    progress: Int[Array, "B"]  # the last step with a new tile


class CarRacingTask(InLanes, NoGradients, struct.PyTreeNode):
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

    @property
    def max_lanes(self) -> int:
        """Of which each has its car and its frame."""
        return LANES_PER_BLOCK

    @property
    def step_limit(self) -> int:
        """As chosen."""
        return self.max_steps

    @property
    def steps_per_action(self) -> int:
        """Frames are drawn that often."""
        return self.encode_interval

    def begin(self, key: Key[Array, ""], episodes: int) -> tuple[Track, Texture]:
        """A track for each episode, and its texture. Consumes `key`."""
        tracks = make_tracks(key, episodes)
        return tracks, bake_all(tracks)

    def reset(self, begun: tuple[Track, Texture], shape: tuple[int, int], episodes: int) -> Driver:
        """At the start; nothing has been seen."""
        size = shape[0] * shape[1]
        track_index = jnp.tile(jnp.arange(episodes, dtype=jnp.int32), size // episodes)
        drive = driving.start(begun[0], track_index)
        return Driver(track_index, jnp.zeros((size, self.num_inputs)), drive, jnp.zeros(size, jnp.int32))

    def observe(self, begun: tuple[Track, Texture], lanes: Lanes) -> tuple[Driver, Float[Array, "P L I"]]:
        """Codes of new frames, of those that still drive; the work is in proportion to their number."""
        driver, alive, textures = lanes.state, lanes.alive.reshape(-1), begun[1]
        size = alive.shape[0]
        chunk = min(size, CPU_CHUNK if jax.default_backend() == "cpu" else _ACCELERATOR_CHUNK)
        order = jnp.argsort(~alive, stable=True)
        order = jnp.pad(order, (0, -size % chunk), mode="edge")
        num_chunks = (alive.sum() + chunk - 1) // chunk
        cameras = camera_of(driver.drive)

        def look(index, codes):
            chosen = lax.dynamic_slice(order, (index * chunk,), (chunk,))
            camera, on = jax.tree.map(lambda leaf: leaf[chosen], (cameras, driver.track_index))
            return codes.at[chosen].set(encode(self.encoder, render(textures, on, camera)))

        codes = lax.fori_loop(0, num_chunks, look, driver.codes)
        return driver._replace(codes=codes), codes.reshape(*lanes.alive.shape, -1)

    def act(self, outputs: Float[Array, "P L O"]) -> driving.Controls:
        """Of all lanes in a row."""
        action = driving.paper_action(jnp.moveaxis(outputs.reshape(-1, NUM_OUTPUTS), -1, 0))
        return driving.controls_of(action)

    @property
    def output_bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """As the paper's actions clip outputs."""
        return (-1.0, -1.0, 0.0), (1.0, 1.0, 1.0)

    def expert(self, begun: tuple[Track, Texture], lanes: Lanes, is_bold: bool) -> Float[Array, "P L O"]:
        """What a hand-written driver does."""
        driver = lanes.state
        settings = experts.BOLD if is_bold else experts.PRECISE
        outputs = experts.outputs_for(settings, begun[0], driver.track_index, driver.drive)
        return jnp.moveaxis(outputs, 0, -1).reshape(*lanes.alive.shape, NUM_OUTPUTS)

    def step(self, begun: tuple[Track, Texture], count: Any, lanes: Lanes, actions: driving.Controls) -> Lanes:
        """A lane that is stopped for want of new tiles has the rest of its time taken off its return."""
        driver, shape = lanes.state, lanes.alive.shape
        drive, reward, has_ended = driving.advance(begun[0], driver.track_index, driver.drive, actions)
        progress = jnp.where(drive.num_paid > driver.drive.num_paid, count, driver.progress)
        returns = lanes.returns + jnp.where(lanes.alive, reward.reshape(shape), 0.0)
        alive = lanes.alive & ~has_ended.reshape(shape)
        if self.patience:
            is_lost = alive & (count - progress >= self.patience).reshape(shape)
            rest = jnp.asarray(self.max_steps - 1 - count, jnp.float32)
            returns = returns - jnp.where(is_lost, STEP_COST * rest, 0.0)
            alive = alive & ~is_lost
        return Lanes(driver._replace(drive=drive, progress=progress), returns, alive)
