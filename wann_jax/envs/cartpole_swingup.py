"""Cart-pole swing-up: the cart must swing its hanging pole up and keep it there, near the middle of the track.

In: a force, as an action in [-1, 1]. Out: position, velocity, cosine and sine of the angle, angular velocity.
Source: the equations and constants of the original's environment (Gaier & Ha 2019, after Deep PILCO).
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces

from wann_jax.envs.trigonometry import sin_cos


@struct.dataclass
class EnvState(environment.EnvState):
    """Where the cart and the pole are; an angle of 0 is upright."""

    position: jax.Array  # m
    velocity: jax.Array  # m/s
    angle: jax.Array  # rad
    angular_velocity: jax.Array  # rad/s
    time: jax.Array | int  # steps


@struct.dataclass
class EnvParams(environment.EnvParams):
    """Physical constants and limits."""

    gravity: float = 9.82  # m/s^2
    cart_mass: float = 0.5  # kg
    pole_mass: float = 0.5  # kg
    pole_length: float = 0.6  # m
    force_scale: float = 10.0  # N at action 1
    time_step: float = 0.01  # s
    friction: float = 0.1  # N s/m
    track_half_length: float = 2.4  # m; the episode ends past it
    start_deviation: float = 0.2  # of each state variable, around hanging at rest
    max_steps_in_episode: int = 1000


class CartPoleSwingUp(environment.Environment[EnvState, EnvParams]):
    """The environment, in gymnax's form."""

    _supports_transition_gradients = True

    @property
    def default_params(self) -> EnvParams:
        """The original's constants."""
        return EnvParams()

    def step_env(
        self, key: jax.Array, state: EnvState, action: int | float | jax.Array, params: EnvParams
    ) -> tuple[jax.Array, EnvState, jax.Array, jax.Array, dict[Any, Any]]:
        """One explicit Euler step: positions advance with the old velocities."""
        force = params.force_scale * jnp.clip(jnp.asarray(action, jnp.float32).reshape(()), -1.0, 1.0)
        acceleration, angular_acceleration = _accelerations(state, force, params)
        state = EnvState(
            position=state.position + params.time_step * state.velocity,
            velocity=state.velocity + params.time_step * acceleration,
            angle=state.angle + params.time_step * state.angular_velocity,
            angular_velocity=state.angular_velocity + params.time_step * angular_acceleration,
            time=state.time + 1,
        )
        upright = 0.5 * (sin_cos(state.angle)[1] + 1.0)
        centred = sin_cos(0.5 * jnp.pi * state.position / params.track_half_length)[1]
        terminated = self.is_terminated(state, params)
        observation, state = self._apply_transition_gradient_policy(self.get_obs(state), state)
        return observation, state, upright * centred, terminated, {"discount": self.discount(state, params)}

    def reset_env(self, key: jax.Array, params: EnvParams) -> tuple[jax.Array, EnvState]:
        """Hanging at rest in the middle, each variable disturbed. Consumes `key`."""
        noise = params.start_deviation * jax.random.normal(key, (4,))
        state = EnvState(
            position=noise[0],
            velocity=noise[1],
            angle=jnp.pi + noise[2],
            angular_velocity=noise[3],
            time=jnp.int32(0),
        )
        return self.get_obs(state), state

    def get_obs(self, state: EnvState, params: EnvParams | None = None, key: jax.Array | None = None) -> jax.Array:
        """Position, velocity, cos angle, sin angle, angular velocity."""
        sine, cosine = sin_cos(state.angle)
        return jnp.stack([state.position, state.velocity, cosine, sine, state.angular_velocity])

    def is_terminated(self, state: EnvState, params: EnvParams) -> jax.Array:
        """Whether the cart has left the track."""
        return jnp.abs(state.position) > params.track_half_length

    @property
    def name(self) -> str:
        """Environment name."""
        return "CartPoleSwingUp-v0"

    @property
    def num_actions(self) -> int:
        """Size of the action."""
        return 1

    def action_space(self, params: EnvParams | None = None) -> spaces.Box:
        """A force in units of `force_scale`."""
        return spaces.Box(-1.0, 1.0, (1,), jnp.float32)

    def observation_space(self, params: EnvParams) -> spaces.Box:
        """Unbounded, but for the cosine and the sine."""
        high = jnp.array([jnp.inf, jnp.inf, 1.0, 1.0, jnp.inf])
        return spaces.Box(-high, high, (5,), jnp.float32)


def _accelerations(state: EnvState, force: jax.Array, params: EnvParams) -> tuple[jax.Array, jax.Array]:
    """Of the cart (m/s^2) and of the pole (rad/s^2)."""
    sine, cosine = sin_cos(state.angle)
    total_mass = params.cart_mass + params.pole_mass
    pole_moment = params.pole_mass * params.pole_length  # kg m
    swing = pole_moment * jnp.square(state.angular_velocity) * sine  # N
    drive = force - params.friction * state.velocity  # N
    acceleration = (-2.0 * swing + 3.0 * params.pole_mass * params.gravity * sine * cosine + 4.0 * drive) / (
        4.0 * total_mass - 3.0 * params.pole_mass * jnp.square(cosine)
    )
    angular_acceleration = (-3.0 * swing * cosine + 6.0 * total_mass * params.gravity * sine + 6.0 * drive * cosine) / (
        4.0 * params.pole_length * total_mass - 3.0 * pole_moment * jnp.square(cosine)
    )
    return acceleration, angular_acceleration
