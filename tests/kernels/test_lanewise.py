"""Functions of numbers, applied to lanes: against JAX's own vmap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from wann_jax.kernels.lane_arrays import NotLanewiseError, numbers_of
from wann_jax.kernels.lanewise import ELEMENTWISE, lanewise

LANES = 6


def over_lanes(function, *arguments):
    """What lanewise gives for arguments with a trailing axis of lanes, as arrays with the same."""
    shapes = [jax.ShapeDtypeStruct(argument.shape[:-1], argument.dtype) for argument in arguments]
    given = []
    for argument in arguments:
        numbers = np.empty(argument.shape[:-1], object)
        for place in np.ndindex(numbers.shape):
            numbers[place] = argument[place]
        given.append(numbers)
    results = jax.tree.leaves(lanewise(function, *shapes)(*given))
    return [_stacked(numbers_of(result)) for result in results]


def _stacked(numbers):
    lanes = [np.broadcast_to(np.asarray(number), LANES) for number in numbers.ravel()]
    return np.stack(lanes).reshape(*numbers.shape, LANES)


def normal(*shape):
    return jnp.asarray(np.random.default_rng(len(shape)).normal(size=(*shape, LANES)).astype(np.float32))


def turned(x):
    return jnp.concatenate([x[1:], x[:1]])[::-1] * jnp.asarray([1.0, -2.0, 3.0])


def halved(x):
    """Until it is small: each lane's own number of rounds, in a loop of as many as its whole part says."""

    def body(carry):
        count, x, odd = carry
        rounds = jnp.floor(jnp.abs(x[0])).astype(jnp.int32)
        return count + lax.fori_loop(0, rounds, lambda i, n: n + i, 0), x * 0.5, ~odd

    count, x, odd = lax.while_loop(lambda carry: jnp.abs(carry[1]).max() > 0.1, body, (0, x * 8.0, jnp.bool_(False)))
    return x + count.astype(jnp.float32) + odd.astype(jnp.float32)


def written(x):
    rows = jnp.stack([x, 2.0 * x, 3.0 * x])
    place = (x[0] > 0).astype(jnp.int32) + (x[1] > 0).astype(jnp.int32)
    rows = rows.at[:, place].set(x).at[1, place].add(1.0).at[:, 2].add(x).at[7].set(9.0)
    return lax.dynamic_slice(rows, (1, 0), (2, 3)) * jnp.arange(6.0).reshape(2, 3)


FUNCTIONS = {
    "elementwise": lambda x: jnp.tanh(x) * jnp.sin(x) + jnp.where(x > 0, x**2, jnp.abs(x)) - jnp.sqrt(x * x),
    "rounding": lambda x: jnp.round(x * 2.5) + jnp.sign(x) + jnp.floor(x) + jnp.round(jnp.float32(2.5)),
    "halves": lambda x: jnp.round(jnp.floor(x) + 0.5),
    "pieces": turned,
    "reductions": lambda x: jnp.stack([x.sum(), x.max(), x.min(), (x > 0).any().astype(jnp.float32)]),
    "extremes": lambda x: x.argmax() * 10 + x.argmin(),
    "equal extremes": lambda x: jnp.floor(x * 0.3).argmax(),
    "a place that depends on the lane": lambda x: x[(x[0] > 0).astype(jnp.int32) + (x[1] > 0).astype(jnp.int32)],
    "branches": lambda x: lax.cond(x[0] > 0, lambda x: x * 2.0, lambda x: x - 1.0, x),
    "calls": lambda x: jax.jit(jax.nn.relu)(x) + jnp.clip(x, -0.5, 0.5),
    "loops": halved,
    "rows that are written": written,
    "shapes": lambda x: jnp.broadcast_to(x.reshape(3, 1), (3, 2)).T.squeeze()[0],
    "what is not used may be anything": lambda x: (x, jnp.sort(x))[0],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lanes_get_what_each_would_get_alone(name):
    function, x = FUNCTIONS[name], normal(3)
    wanted = jax.vmap(function, in_axes=-1, out_axes=-1)(x)
    (found,) = over_lanes(function, x)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_trees_keep_their_structure():
    def function(state, gain):
        return {"position": state["position"] + gain, "speed": state["speed"][:1]}

    shapes = {"position": jax.ShapeDtypeStruct((), jnp.float32), "speed": jax.ShapeDtypeStruct((2,), jnp.float32)}
    position, first, second = jnp.ones(LANES), jnp.zeros(LANES), jnp.arange(6.0)
    state = {"position": position, "speed": numbers_of([first, second])}
    found = lanewise(function, shapes, jax.ShapeDtypeStruct((), jnp.float32))(state, np.float32(2.0))
    np.testing.assert_array_equal(found["position"], jnp.full(LANES, 3.0))
    assert found["speed"].shape == (1,)
    assert found["speed"][0] is first


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (jnp.sort, "'sort' has no form for single lanes"),
        (lambda x: x + jax.random.uniform(jax.random.key(0)), "'random_seed' has no form for single lanes"),
        (lambda x: x.at[jnp.asarray([0, 2])].set(0.0), "lanes write an array one part after another"),
    ],
    ids=["sort", "random", "several writes"],
)
def test_what_lanes_cannot_do_is_refused(function, told):
    with pytest.raises(NotLanewiseError) as error:
        over_lanes(function, normal(3))
    assert str(error.value) == told


def test_every_operation_that_is_passed_on_is_known_to_the_gpus_compiler():
    lowering = pytest.importorskip("jax._src.pallas.triton.lowering", reason="no Triton in this jaxlib")
    known = {primitive.name for primitive in lowering.triton_lowering_rules}
    assert ELEMENTWISE - known == set()
