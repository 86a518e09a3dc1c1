"""All devices at work: the population is split over them, and into blocks that suit a cache.

In: a function of a population. Out: the same function, its population axis sharded over the devices: this process's,
or those that `on_devices` names, such as the ones of all processes together (jax.distributed) in a search. Results do
not depend on the number of devices: randomness is folded by individual, and individuals do not meet inside. A large
population lives in shares, one on each device (`home_of`). A CPU is one device, on which the native kernels use all
cores (kernels/native/parallel.h), unless the user wants more of them.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import compress
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from wann_jax.errors import require

DEVICES_VARIABLE = "WANN_CPU_DEVICES"
AXIS = "population"
# Bytes of a population's genomes from which on each device has only its share. Of less, a copy takes little of any
# device's memory, and to breed all of it everywhere takes no longer than the messages that bring parents.
LEAST_DIVIDED = 64 * 2**20


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


Devices = tuple[jax.Device, ...]
_named: ContextVar[Devices | None] = ContextVar("devices", default=None)


@contextmanager
def on_devices(devices: Devices | None) -> Iterator[None]:
    """Programs traced inside, and arrays placed, are for these devices; None: for this process's.

    A compiled function that is to be traced again for other devices has them as a static argument.
    """
    token = _named.set(devices)
    try:
        yield
    finally:
        _named.reset(token)


def check_devices(devices: Sequence[Any] | None) -> Devices | None:
    """The devices as a tuple; of None, those of all processes, or None where there is one process alone.

    Raises ConfigError if there are none, or not different ones, or not of every process.
    """
    if devices is None:
        return None if jax.process_count() == 1 else tuple(jax.devices())
    chosen = tuple(devices)
    different = 0 < len({*chosen}) == len(chosen) and all(isinstance(each, jax.Device) for each in chosen)
    require(different, "devices", "one or more different devices (jax.devices())", devices)
    processes = {each.process_index for each in chosen}
    one_or_all = processes == {jax.process_index()} or len(processes) == jax.process_count()
    require(one_or_all, "devices", "this process's own, or some of every process", devices)
    return chosen


def population_mesh() -> Mesh:
    """The devices along one axis."""
    return Mesh(np.array(_named.get() or jax.local_devices()), (AXIS,), axis_types=(AxisType.Auto,))


def replicated() -> NamedSharding:
    """The sharding of whatever every device holds whole."""
    return NamedSharding(population_mesh(), PartitionSpec())


def home_of(population: Any) -> NamedSharding:
    """Where a population lives between generations: each device has its share, if it is large and shares can be equal;
    else every device has all of it."""
    mesh, leaves = population_mesh(), jax.tree.leaves(population)
    is_large = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves) >= LEAST_DIVIDED
    divides = mesh.size > 1 and leaves[0].shape[0] % mesh.size == 0
    return NamedSharding(mesh, PartitionSpec(AXIS) if is_large and divides else PartitionSpec())


def is_divided(population: Any) -> bool:
    """Whether each device has only its share of it."""
    return not home_of(population).is_fully_replicated


def gathered(figures: Any, population: Any) -> Any:
    """Figures of a population, whole on every device, so that sums add in the same order wherever it lives."""
    return lax.with_sharding_constraint(figures, replicated()) if is_divided(population) else figures


def place_everywhere(tree: Any) -> Any:
    """The arrays, whole on every device. Where there are more processes, each gives the same."""
    return placed(tree, jax.tree.map(lambda leaf: replicated(), tree))


def placed(tree: Any, homes: Any) -> Any:
    """Each array where its home is. Where there are more processes, each gives the same."""
    return jax.tree.map(_place, tree, homes) if _is_shared(replicated()) else jax.device_put(tree, homes)


def _place(leaf: Any, home: NamedSharding) -> Array:
    if isinstance(leaf, Array) and leaf.sharding.is_equivalent_to(home, leaf.ndim):
        return leaf
    if isinstance(leaf, Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(_place(jax.random.key_data(leaf), home), impl=jax.random.key_impl(leaf))
    if not is_whole_here(leaf):
        return _moved(leaf, home)
    host = np.asarray(leaf)
    return jax.make_array_from_callback(host.shape, home, lambda index: host[index])


def is_whole_here(tree: Any) -> bool:
    """Whether this process has all of the arrays, and needs no other one to read them."""
    arrays = (leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, Array))
    return all(leaf.is_fully_addressable or leaf.is_fully_replicated for leaf in arrays)


def taken_home(tree: Any) -> Any:
    """Where devices of other processes have a part in arrays: those on an own device, or, of divided ones, NumPy's.

    All processes call this alike where `is_whole_here` does not hold: one array after another comes together.
    """

    def at_home(leaf):
        if leaf.is_fully_addressable:
            return leaf
        if leaf.is_fully_replicated:
            return leaf.addressable_data(0)
        return np.asarray(_moved(leaf, NamedSharding(leaf.sharding.mesh, PartitionSpec())).addressable_data(0))

    return jax.tree.map(at_home, tree)


def _moved(leaf: Array, home: NamedSharding) -> Array:
    """Divided otherwise, by messages between devices."""
    moved: Array = jax.jit(lambda array: array, out_shardings=home)(leaf)
    return moved


def agreed(count: int) -> int:
    """The first process's number, in every process: clocks differ, and all are to run the same programs."""
    if not _is_shared(replicated()):
        return count
    from jax.experimental import multihost_utils

    return int(multihost_utils.broadcast_one_to_all(np.int32(count)))


def anywhere(flag: bool) -> bool:
    """Whether it holds in any of the processes; in every process the same answer."""
    if jax.process_count() == 1:
        return flag
    from jax.experimental import multihost_utils

    return bool(np.any(multihost_utils.process_allgather(np.bool_(flag))))


def _is_shared(home: NamedSharding) -> bool:
    """Whether devices of more processes than this one take part."""
    return not home.is_fully_addressable


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
        padded = population
        if len(index) > size:
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
        return lax.with_sharding_constraint(jax.tree.map(lambda leaf: leaf[:size], result), replicated())

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

    result = jax.named_scope("blocks")(lax.map)(of_block, index)  # the name is for profiles
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:size], result)
