"""What each lane does for itself: in one launch, interpreted, against the same function as it stands."""

from functools import partial
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.helpers import kernels
from wann_jax.kernels.apart import each_lane
from wann_jax.kernels.choosing import PALLAS, XLA
from wann_jax.kernels.lane_arrays import NotLanewiseError
from wann_jax.kernels.pallas.together import in_one_launch

LANES = 70  # of three tiles, the last one not full


def wander(most, tree, rounds):
    """Loops whose ends differ by lane, in a loop; rows read and written where each lane says; all kinds of numbers."""
    x, table = tree["x"], tree["table"]

    def add(i, carry):
        x, total = carry
        return x * 0.5 + table[i], total.at[i].add(x[0])

    def body(carry):
        count, x, total, hit = carry
        busy = count < rounds
        new, new_total = jax.lax.fori_loop(0, tree["used"].max(), add, (x, total))
        x, total = jnp.where(busy, new, x), jnp.where(busy, new_total, total)
        return count + 1, x, total, hit | (busy & (x[0] > 1.0))

    def running(carry):
        return (carry[0] < most) & (carry[0] < rounds).any()

    start = (jnp.zeros_like(rounds), x, jnp.zeros_like(table[:, 0]), rounds < 0)
    _, x, total, hit = jax.lax.while_loop(lambda carry: running(carry).any(), body, start)
    return {"x": x, "total": total, "hit": hit, "rounds": rounds, "least": jnp.zeros_like(x)}


def arguments():
    random = np.random.default_rng(0)
    tree = {
        "x": random.normal(size=(2, LANES)).astype(np.float32),
        "table": random.normal(size=(5, 2, LANES)).astype(np.float32),
        "used": random.integers(0, 6, LANES).astype(np.int32),
    }
    return jax.tree.map(jnp.asarray, (tree, random.integers(0, 7, LANES).astype(np.int32)))


def alone(function, arguments):
    """Every lane by itself: what its loops do there does not depend on others."""
    apart = [jax.tree.map(lambda leaf, lane=lane: leaf[..., lane : lane + 1], arguments) for lane in range(LANES)]
    lanes = [function(*one) for one in apart]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves, -1), *lanes)


def test_one_launch_gives_each_lane_what_it_gets_alone():
    function = partial(wander, 5)
    with kernels("pallas"):
        found = jax.jit(partial(in_one_launch, function))(*arguments())
    wanted = alone(jax.jit(function), arguments())
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, wanted)
    for name, leaf in wanted.items():
        assert found[name].dtype == leaf.dtype, name
        np.testing.assert_allclose(found[name], leaf, rtol=1e-6, atol=1e-6, err_msg=name)
    assert 0 < wanted["hit"].sum() < LANES


def test_it_is_one_launch_where_pallas_is_chosen_and_the_function_elsewhere():
    def lowered(platform, kernel):
        with mock.patch("wann_jax.kernels.choosing._on_cuda", return_value=kernel):
            traced = jax.jit(partial(each_lane, partial(wander, 5))).trace(*arguments())
            return traced.lower(lowering_platforms=(platform,)).as_text()

    as_it_stands = lowered("cpu", PALLAS)
    assert "while" in as_it_stands
    assert "triton" not in as_it_stands
    in_launches, without = lowered("cuda", PALLAS), lowered("cuda", XLA)
    assert (in_launches.count("gpu.triton"), in_launches.count("stablehlo.while")) == (1, 0)
    assert ("gpu.triton" in without, "stablehlo.while" in without) == (False, True)


def test_what_lanes_cannot_do_is_refused():
    with kernels("pallas"), pytest.raises(NotLanewiseError, match="'sort' has no form for single lanes"):
        in_one_launch(lambda x: jnp.sort(x, 0), jnp.zeros((3, LANES)))
