"""Car racing for gymnax: drive round a random track from a picture of it, in as few steps as possible.

In: three actions, steer [-1, 1] (1: right), gas [0, 1], brake [0, 1]; or a network's three outputs, as the paper maps
them. Out: the picture that the paper's agent sees, bytes [64, 64, 3]. The same task as Gymnasium's CarRacing-v3.

A state that `reset_env` makes owns its track (0.5 MB) and texture (9.6 MB). Many lanes can share a few instead:

    state = env.start_on(tracks, bake_all(tracks), track_index)             # track_index [B]
    jax.vmap(env.step_env, (None, LANES, 0, None), (0, LANES, 0, 0, 0))
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from gymnax.environments import environment, spaces
from jax import Array

from wann_jax.envs.car_racing import drive as driving
from wann_jax.envs.car_racing import picture, texture
from wann_jax.envs.car_racing.drive import Drive
from wann_jax.envs.car_racing.texture import Texture
from wann_jax.envs.car_racing.track import Track, make_track
from wann_jax.errors import require

NUM_ACTIONS = 3
NUM_NUMBERS = 11  # of an observation without picture


@struct.dataclass
class EnvState(environment.EnvState):
    """A car on one of the tracks of a table."""

    drive: Drive  # of this lane
    tracks: Track  # [K, ...]
    textures: Texture | None  # [K, ...]
    track_index: Array | int
    time: jax.Array | int  # steps


@struct.dataclass
class EnvParams(environment.EnvParams):
    """How long an episode is."""

    max_steps_in_episode: int = 1000


_AXES: dict[str, Any] = dict(drive=0, tracks=None, textures=None, track_index=0, time=0)
LANES = EnvState(**_AXES)
"""`vmap`'s axes for states that share their tracks."""


class CarRacing(environment.Environment[EnvState, EnvParams]):
    """The environment, in gymnax's form.

    `with_picture`: False observes 11 numbers instead: hull's x, y, angle, their velocities, steering, spin of wheels.
    `paper_actions`: actions are a network's outputs, which the paper clips; gas 0 opens half.
    """

    def __init__(self, with_picture: bool = True, paper_actions: bool = False):
        super().__init__()
        self.with_picture = with_picture
        self.paper_actions = paper_actions

    @property
    def default_params(self) -> EnvParams:
        """The original's."""
        return EnvParams()

    def step_env(
        self, key: jax.Array, state: EnvState, action: int | float | jax.Array, params: EnvParams
    ) -> tuple[jax.Array, EnvState, jax.Array, jax.Array, dict[Any, Any]]:
        """A fiftieth of a second."""
        action = jnp.asarray(action, jnp.float32)
        require(action.shape == (NUM_ACTIONS,), "action", "an array of shape (3,)", action.shape)
        action = driving.paper_action(action) if self.paper_actions else action
        controls = driving.controls_of(action)
        drive, reward, has_ended = driving.advance(state.tracks, _index(state), state.drive, controls)
        state = state.replace(drive=drive, time=state.time + 1)
        info = {"discount": self.discount(state, params), "lap_finished": self._has_finished(state)}
        return self.get_obs(state), state, reward, has_ended, info

    def reset_env(self, key: jax.Array, params: EnvParams) -> tuple[jax.Array, EnvState]:
        """A new track, and one step without action, as in the original. Consumes `key`."""
        tracks = jax.tree.map(lambda leaf: leaf[None], make_track(key))
        textures = texture.bake_all(tracks) if self.with_picture else None
        drive = driving.start(tracks, jnp.int32(0))
        state = EnvState(drive=drive, tracks=tracks, textures=textures, track_index=jnp.int32(0), time=jnp.int32(0))
        return self.get_obs(state), state

    def start_on(self, tracks: Track, textures: Texture | None, track_index: Array) -> EnvState:
        """States at the start of the tracks [K, ...] that `track_index` [B] names; only the lanes' own have an axis."""
        pair = (textures is not None) == self.with_picture
        require(pair, "textures", "given for an environment with pictures only", type(textures).__name__)
        drive = jax.vmap(driving.start, (None, 0))(tracks, track_index)
        time = jnp.zeros(track_index.shape, jnp.int32)
        return EnvState(drive=drive, tracks=tracks, textures=textures, track_index=track_index, time=time)

    def get_obs(self, state: EnvState, params: EnvParams | None = None, key: jax.Array | None = None) -> jax.Array:
        """The picture, or the numbers."""
        if state.textures is not None:
            return picture.render(state.textures, _index(state), picture.camera_of(state.drive))
        car = state.drive.car
        steer = (car.wheels[2, 0] - car.hull[2])[None]
        return jnp.concatenate([car.hull, car.hull_velocity, steer, car.spin])

    def is_terminated(self, state: EnvState, params: EnvParams) -> jax.Array:
        """Whether the car has left the field, or has been on every tile."""
        return driving.has_left(state.drive) | self._has_finished(state)

    def _has_finished(self, state: EnvState) -> jax.Array:
        return state.drive.num_visited >= state.tracks.num_tiles[_index(state)]

    @property
    def name(self) -> str:
        """Environment name."""
        return "CarRacing-v3"

    @property
    def num_actions(self) -> int:
        """Size of the action."""
        return NUM_ACTIONS

    def action_space(self, params: EnvParams | None = None) -> spaces.Box:
        """Steer, gas, brake; or the outputs that make a difference."""
        low = [-1.0, -1.0, 0.0] if self.paper_actions else [-1.0, 0.0, 0.0]
        return spaces.Box(jnp.array(low), jnp.ones(NUM_ACTIONS), (NUM_ACTIONS,), jnp.float32)

    def observation_space(self, params: EnvParams) -> spaces.Box:
        """Bytes, or numbers without bounds."""
        if self.with_picture:
            return spaces.Box(0, 255, (picture.SIZE, picture.SIZE, 3), jnp.uint8)
        return spaces.Box(-np.inf, np.inf, (NUM_NUMBERS,), jnp.float32)


def _index(state: EnvState) -> Array:
    return jnp.asarray(state.track_index, jnp.int32)
