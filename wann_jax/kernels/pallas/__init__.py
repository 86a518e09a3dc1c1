"""The kernels in Pallas, for NVIDIA's GPUs from Ampere on: all rows of a network in one launch.

In: networks, weights, inputs. Out: outputs. ../forward.py defines what they compute. A program of the grid takes a
network and a tile of lanes, and walks the rows; what it needs later is kept in memory, in as few places as possible.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.experimental import pallas as pl
from jaxtyping import Float

from wann_jax.devices import over_blocks
from wann_jax.kernels.backend import Policy
from wann_jax.kernels.memory import individuals_within
from wann_jax.kernels.pallas.episodes import whole_episodes as whole_episodes
from wann_jax.kernels.pallas.launching import LANES, launch
from wann_jax.kernels.pallas.program import Program, program_of
from wann_jax.kernels.pallas.rows import Lanes, Tile, read
from wann_jax.kernels.pallas.together import in_one_launch as in_one_launch
from wann_jax.networks.network import FIRST_INPUT_SLOT, Network

PROGRAMS = 1024  # that run at a time: some warps for each processor, and their values take little memory
COPIES = 8  # of an environment's observations and state, while it is stepped


@runtime_checkable
class LaneSummary(Protocol):
    """A summary of outputs that is a mean over samples of what each sample gives alone (losses.py)."""

    def has_lanes(self) -> bool:
        """Whether `of_lanes` can be called."""
        ...

    def labels_of(self, num_samples: int) -> Array:
        """One for each sample. Raises ConfigError if there is another number of them."""
        ...

    def of_lanes(self, outputs: list[Lanes], labels: Lanes) -> Lanes:
        """Of each sample."""
        ...


def samples(
    networks: Network,
    shared_weights: Float[Array, "W"],
    inputs: Float[Array, "B I"],
    summarise: Callable[..., Any],
) -> Any:
    """A program takes one tile of samples under all weights: the sums of inputs are the same for them."""
    num_weights, num_samples = shared_weights.shape[0], inputs.shape[0]
    inside = isinstance(summarise, LaneSummary) and summarise.has_lanes()

    def some(networks):
        if inside:
            return _samples(networks, shared_weights, inputs, summarise)
        outputs = _samples(networks, shared_weights, inputs, None)  # [P, W, O, B]
        return jax.vmap(summarise)(outputs[..., :num_samples].swapaxes(2, 3))

    bytes_each = 4 * num_weights * (1 if inside else 3 * num_samples * networks.spec.num_outputs)
    return over_blocks(some, networks, individuals_within(bytes_each))


def _samples(networks: Network, shared_weights: Array, inputs: Array, loss: Any) -> Array:
    """Outputs [P, W, O, tiles x LANES], or the mean loss [P, W]."""
    size, num_samples, num_weights = networks.num_rows.shape[0], inputs.shape[0], shared_weights.shape[0]
    spec, num_tiles = networks.spec, -(-num_samples // LANES)
    num_items, padding = size * num_tiles, num_tiles * LANES - num_samples
    num_programs = min(PROGRAMS, num_items)
    constants = jnp.pad(inputs.T, ((FIRST_INPUT_SLOT, 0), (0, padding))).at[1].set(1.0)
    labels = (
        jnp.pad(loss.labels_of(num_samples).astype(jnp.int32), (0, padding)) if loss else jnp.zeros(LANES, jnp.int32)
    )
    out_shape = (size, num_weights, num_tiles if loss else spec.num_outputs * num_tiles * LANES)

    def kernel(*refs):
        weight_ref, input_ref, label_ref, out_ref, values_ref = refs[6:]
        weights = [weight_ref[index] for index in range(num_weights)]
        here = pl.program_id(0)

        def item(turn, nothing):
            number = here + turn * num_programs
            network, number_of_tile = number // num_tiles, number % num_tiles
            first_lane = number_of_tile * LANES
            lanes = pl.ds(first_lane, LANES)

            def given(slot, wanted):
                return read(input_ref.at[jnp.where(wanted, slot, 0), lanes], wanted)

            tile = Tile(Program(*refs[:6]), network, values_ref, here, given, spec, num_weights)
            tile.run(weights)
            for index in range(num_weights):
                outputs = tile.outputs(index)
                if loss:
                    is_sample = first_lane + lax.iota(jnp.int32, LANES) < num_samples
                    losses = jnp.where(is_sample, loss.of_lanes(outputs, label_ref[lanes]), 0.0)
                    out_ref[network, index, number_of_tile] = losses.sum() / num_samples
                else:
                    for output, values in enumerate(outputs):
                        start = output * num_tiles * LANES + first_lane
                        out_ref[network, index, pl.ds(start, LANES)] = values
            return nothing

        lax.fori_loop(0, (num_items - here + num_programs - 1) // num_programs, item, None)

    values = jax.ShapeDtypeStruct((num_programs, spec.max_rows * num_weights, LANES), jnp.float32)
    arguments = (*program_of(networks), shared_weights, constants, labels)
    out, _ = launch(kernel, num_programs, (jax.ShapeDtypeStruct(out_shape, jnp.float32), values), arguments)
    return out.sum(-1) if loss else out.reshape(size, num_weights, spec.num_outputs, -1)


def act(networks: Network, lane_weights: Float[Array, "L"], use: Callable[[Policy], Any]) -> Any:
    """One launch for a step of all lanes."""
    size, num_lanes = networks.num_rows.shape[0], lane_weights.shape[0]
    spec, num_tiles, program = networks.spec, -(-num_lanes // LANES), program_of(networks)
    padding = num_tiles * LANES - num_lanes
    weights = jnp.pad(lane_weights, (0, padding))

    def kernel(*refs):
        weight_ref, input_ref, out_ref, values_ref = refs[6:]
        network = pl.program_id(0) // num_tiles
        lanes = pl.ds(pl.program_id(0) % num_tiles * LANES, LANES)

        def given(slot, wanted):
            return read(input_ref.at[jnp.where(wanted, slot, 0), network, lanes], wanted)

        here = pl.program_id(0)
        tile = Tile(Program(*refs[:6]), network, values_ref, here, given, spec, num_weights=1)
        tile.run([weight_ref[lanes]])
        for output, found in enumerate(tile.outputs(0)):
            out_ref[output, network, lanes] = found

    def step(nothing, inputs):
        moved = jnp.pad(inputs.transpose(2, 0, 1), ((FIRST_INPUT_SLOT, 0), (0, 0), (0, padding))).at[1].set(1.0)
        shapes = [(spec.num_outputs, size, num_tiles * LANES), (size * num_tiles, spec.max_rows, LANES)]
        results = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
        out, _ = launch(kernel, size * num_tiles, results, (*program, weights, moved))
        return nothing, out[..., :num_lanes].transpose(1, 2, 0)

    return use(Policy((), step))


def individuals_per_block(networks: Network, num_lanes: int) -> int:
    """How many individuals a loop over time steps should take at once: all that memory holds."""
    tiles = -(-num_lanes // LANES)
    return individuals_within(4 * LANES * tiles * (COPIES * networks.spec.first_sum_slot + networks.spec.max_rows))
