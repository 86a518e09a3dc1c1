"""The gradient for whole populations: JAX's own of `forward`, and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.helpers import FEW_INPUTS, LAYOUTS, individual, pool
from wann_jax.kernels.forward import forward
from wann_jax.kernels.gradient import forward_with_gradient
from wann_jax.networks.compiling import express


@LAYOUTS
def test_outputs_and_derivatives_are_those_of_the_definition(spec):
    networks = jax.jit(jax.vmap(express))(pool(spec))
    random = np.random.default_rng(0)
    inputs = jnp.asarray(random.normal(size=(9, spec.num_inputs)), jnp.float32)
    weights = jnp.asarray(random.normal(size=networks.spec.max_connections), jnp.float32)
    factors = jnp.asarray(random.normal(size=(9, spec.num_outputs)), jnp.float32)

    def by_rows(network, weights, inputs):
        return forward_with_gradient(network, weights, inputs, networks.num_rows.max())

    def slopes(function):
        def total(weights, inputs, network):
            return (factors * function(network, weights, inputs)).sum()

        return jax.jit(jax.vmap(jax.value_and_grad(total, (0, 1)), (None, None, 0)))(weights, inputs, networks)

    (found, to_found), (wanted, to_wanted) = slopes(by_rows), slopes(forward)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)
    for mine, right in zip(to_found, to_wanted, strict=True):
        scale = np.abs(right).max(axis=tuple(range(1, right.ndim)), keepdims=True)
        assert scale.min() > 0
        np.testing.assert_allclose(mine / scale, right / scale, atol=2e-4)


def test_a_slope_is_the_difference_of_outputs():
    spec = FEW_INPUTS
    network = individual(jax.jit(jax.vmap(express))(pool(spec)), 2)
    inputs = jnp.linspace(-1.0, 1.0, 4 * spec.num_inputs).reshape(4, -1)
    start = jnp.full(network.spec.max_connections, 0.3)

    def total(weights):
        return forward_with_gradient(network, weights, inputs, network.num_rows).sum()

    slope = jax.grad(total)(start)
    place = int(jnp.abs(slope).argmax())
    ends = [total(start.at[place].add(step)) for step in (-1e-2, 1e-2)]
    np.testing.assert_allclose(slope[place], (ends[1] - ends[0]) / 2e-2, rtol=2e-2)
