"""All devices at work: the population is split over them, and into blocks that suit a cache.

In: a function of a population. Out: the same function, its population axis sharded over every local device. Results
do not depend on the number of devices: randomness is folded by individual, and individuals do not meet inside. A CPU is
one device, on which the native kernels use all cores (kernels/native/parallel.h), unless the user wants more of them.
"""

import os
import re
from collections.abc import Callable
from functools import cache
from itertools import compress
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from wann_jax.errors import require

DEVICES_VARIABLE = "WANN_CPU_DEVICES"
AXIS = "population"


def settle_cpu_devices() -> None:
    """For the command line: makes the CPU as many JAX devices as $WANN_CPU_DEVICES says, if it says anything.

    Does nothing where JAX's own settings say how many, or where JAX has started. Raises ConfigError for anything but a
    number.
    """
    text = os.environ.get(DEVICES_VARIABLE)
    if not text:
        return
    fits = re.fullmatch("[1-9][0-9]{0,2}", text) is not None
    require(fits, f"${DEVICES_VARIABLE}", "a whole number from 1 to 999", text)
    chosen = getattr(jax.config, "jax_num_cpu_devices", -1) >= 0
    if chosen or "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    try:
        jax.config.update("jax_num_cpu_devices", int(text))
    except RuntimeError:
        return  # JAX has started: keep what it has


def need_one_device(who: str) -> None:
    """Raises ConfigError if JAX uses more devices than one."""
    rule = f"1 for {who}, whose environments run outside (leave ${DEVICES_VARIABLE} unset)"
    require(len(jax.devices()) == 1, "number of JAX devices", rule, len(jax.devices()))


@cache
def population_mesh() -> Mesh:
    """All devices of this process along one axis."""
    devices = jax.devices()
    return jax.make_mesh((len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices)


def replicated() -> NamedSharding:
    """The sharding of whatever every device holds whole."""
    return NamedSharding(population_mesh(), PartitionSpec())


def over_population(function: Callable[..., Any]) -> Callable[..., Any]:
    """Splits the first argument's leading axis, and every output's, over the devices; the rest is replicated.

    The axis is padded to a multiple of the number of devices, by repeating the first individual.
    """
    mesh = population_mesh()
    num_devices = mesh.size
    if num_devices == 1:
        return function
    split, whole = PartitionSpec(AXIS), PartitionSpec()

    def sharded(population, *rest):
        size = jax.tree.leaves(population)[0].shape[0]
        index = jnp.arange(-(-size // num_devices) * num_devices)
        padded = jax.tree.map(lambda leaf: leaf[jnp.where(index < size, index, 0)], population)
        arrays, structure = jax.tree.flatten((padded, *rest))
        num_split = len(jax.tree.leaves(padded))
        specs = [split if place < num_split else whole for place in range(len(arrays))]
        # Empty arrays stay outside: the compiler of jaxlib 0.11.2 crashes where it drops them from what goes in.
        goes_in = [jnp.size(array) > 0 for array in arrays]

        def inside(*given):
            left = iter(given)
            every = [
                next(left) if goes else _empty_share(array, num_devices if spec is split else 1)
                for array, spec, goes in zip(arrays, specs, goes_in, strict=True)
            ]
            return function(*jax.tree.unflatten(structure, every))

        in_specs = tuple(compress(specs, goes_in))
        mapped = jax.shard_map(inside, mesh=mesh, in_specs=in_specs, out_specs=split, check_vma=False)
        result = mapped(*compress(arrays, goes_in))
        # Gathered, so that a later sum over the population adds in the same order on any number of devices.
        return jax.lax.with_sharding_constraint(jax.tree.map(lambda leaf: leaf[:size], result), replicated())

    return sharded


def _empty_share(array: Any, num_shares: int) -> Any:
    """What one device has of an empty array."""
    return jnp.zeros((array.shape[0] // num_shares, *array.shape[1:]), array.dtype)


def over_blocks(function: Callable[[Any], Any], population: Any, block_size: int) -> Any:
    """Applies a function of a population to one block of individuals after another, and joins the results.

    The last block is padded by repeating the first individual.
    """
    size = jax.tree.leaves(population)[0].shape[0]
    num_blocks = -(-size // block_size)
    if num_blocks <= 1:
        return function(population)
    index = jnp.arange(num_blocks * block_size)
    index = jnp.where(index < size, index, 0).reshape(num_blocks, block_size)

    def of_block(block):
        return function(jax.tree.map(lambda leaf: leaf[block], population))

    result = jax.named_scope("blocks")(jax.lax.map)(of_block, index)  # the name is for profiles
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:size], result)
