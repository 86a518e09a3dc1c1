"""Whole episodes in one launch: the networks' rows and the environment's steps, in one kernel.

In: networks, and what one lane of an environment does (`LaneEpisodes`). Out: returns and steps. Nothing waits for a
launch at every step, and lanes that have ended cost nothing once all of their tile have.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.experimental import pallas as pl
from jaxtyping import Float, Shaped

from wann_jax.devices import over_blocks
from wann_jax.kernels.backend import LaneEpisodes
from wann_jax.kernels.lane_arrays import numbers_of
from wann_jax.kernels.lanewise import lanewise
from wann_jax.kernels.memory import individuals_within
from wann_jax.kernels.pallas.launching import LANES, launch
from wann_jax.kernels.pallas.packing import Packed
from wann_jax.kernels.pallas.program import Program, program_of
from wann_jax.kernels.pallas.rows import Tile, read
from wann_jax.networks.network import FIRST_INPUT_SLOT, Network


def whole_episodes(
    networks: Network, lane_weights: Float[Array, "L"], lane: LaneEpisodes
) -> tuple[Float[Array, "P L"], Float[Array, "P"]]:
    """Returns of all lanes, and each individual's steps. Raises NotLanewiseError if a lane cannot run in a kernel."""
    num_tiles = -(-lane_weights.shape[0] // LANES)
    slots = networks.spec.first_sum_slot + networks.spec.max_rows
    size = individuals_within(4 * LANES * num_tiles * slots)
    return over_blocks(lambda some: _in_one_launch(some, lane_weights, lane, num_tiles), networks, size)


def _in_one_launch(
    networks: Network, lane_weights: Float[Array, "L"], lane: LaneEpisodes, num_tiles: int
) -> tuple[Float[Array, "P L"], Float[Array, "P"]]:
    spec, size, num_lanes = networks.spec, networks.num_rows.shape[0], lane_weights.shape[0]
    step, observe = _lanewise(lane, spec.num_outputs)
    constants, start = Packed.of(lane.constants), Packed.of(lane.start, num_axes=1)
    over_lanes = [_over_lanes(table, num_lanes, num_tiles * LANES) for table in start.tables]
    limit = jnp.asarray(lane.limit, jnp.int32)[None]

    def kernel(*refs):
        program, here = Program(*refs[:6]), pl.program_id(0)
        weight_ref, limit_ref, *tables, return_ref, step_ref, given_ref, values_ref = refs[6:]
        network, first_lane = here // num_tiles, here % num_tiles * LANES
        lanes = pl.ds(first_lane, LANES)

        def given(slot, wanted):
            return read(given_ref.at[here, jnp.where(wanted, slot, 0)], wanted)

        tile = Tile(program, network, values_ref, here, given, spec, num_weights=1)
        weights, known = [weight_ref[lanes]], constants.read(tables[:2], lambda table, index: table[index])
        given_ref[here, 1] = jnp.ones(LANES)

        def running(carry):
            count, alive, *_ = carry
            return (count < limit_ref[0]) & (alive.max() > 0)

        def advance(carry):
            count, alive, returns, steps, state = carry
            seen = observe(start.unflatten(state))
            for index, number in enumerate(numbers_of(seen).ravel()):
                given_ref[here, FIRST_INPUT_SLOT + index] = jnp.broadcast_to(number, LANES)
            tile.run(weights)
            state, reward, ended = step(known, start.unflatten(state), numbers_of(tile.outputs(0)))
            returns = returns + jnp.where(alive > 0, reward, 0.0)
            left = jnp.where(ended, 0, alive)
            return count + 1, left, returns, steps + alive, start.flatten(state, LANES)

        alive = (first_lane + lax.iota(jnp.int32, LANES) < num_lanes).astype(jnp.int32)
        state = start.flatten(start.read(tables[2:], lambda table, index: table[index, lanes]), LANES)
        zeros = jnp.zeros(LANES), jnp.zeros(LANES, jnp.int32)
        _, _, returns, steps, _ = lax.while_loop(running, advance, (jnp.int32(0), alive, *zeros, state))
        return_ref[network, lanes], step_ref[network, lanes] = returns, steps

    num_programs, all_lanes = size * num_tiles, (size, num_tiles * LANES)
    shapes = [all_lanes, all_lanes, *((num_programs, slots, LANES) for slots in (spec.first_sum_slot, spec.max_rows))]
    kinds = [jnp.float32, jnp.int32, jnp.float32, jnp.float32]
    results = [jax.ShapeDtypeStruct(*each) for each in zip(shapes, kinds, strict=True)]
    weights = jnp.pad(lane_weights, (0, num_tiles * LANES - num_lanes))
    arguments = (*program_of(networks), weights, limit, *constants.tables, *over_lanes)
    returns, steps, *_ = launch(kernel, num_programs, results, arguments)
    return returns[:, :num_lanes], steps.sum(1).astype(jnp.float32)


def _lanewise(lane: LaneEpisodes, num_outputs: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What a lane does at a step and what its network sees, for lanes."""
    constants = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.asarray(leaf).dtype), lane.constants
    )
    state = jax.eval_shape(lambda start: jax.tree.map(lambda leaf: jnp.asarray(leaf)[0], start), lane.start)
    outputs = jax.ShapeDtypeStruct((num_outputs,), jnp.float32)
    return lanewise(lane.step, constants, state, outputs), lanewise(lane.observe, state)


def _over_lanes(table: Shaped[Array, "N R"], num_lanes: int, padded: int) -> Shaped[Array, "N L"]:
    """A lane's episode is its number modulo R."""
    return table[:, jnp.arange(padded) % num_lanes % table.shape[1]]
