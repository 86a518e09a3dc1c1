"""The experiment about ecology: what its rules and functions are, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wann_jax.analysis.experiments import frequency, parity
from wann_jax.analysis.experiments.ecology import growth


def _keys(count):
    return jax.random.split(jax.random.key(0), count)


def test_parity_is_that_of_the_bits_set_in_both():
    left, right = np.random.default_rng(0).integers(0, 2**32, (2, 50), dtype=np.uint32)
    wanted = [bin(int(a) & int(b)).count("1") % 2 == 1 for a, b in zip(left, right, strict=True)]
    assert np.asarray(parity.parity(jnp.asarray(left), jnp.asarray(right))).tolist() == wanted


def test_a_challenge_marks_bits_as_its_rule_says():
    population = jnp.asarray([0b0011, 0b0001, 0b0001, 0b0001], jnp.uint32)  # frequencies 1, 1/4, 0, 0
    chances = {rule: np.asarray(parity.chances(rule, population, jnp.int32(4)))[:4] for rule in parity.RULES}
    np.testing.assert_allclose(chances[parity.BIASED], [0.5, 0.125, 0.5, 0.5])
    np.testing.assert_allclose(chances[parity.SPARSE], [0.25] * 4)
    np.testing.assert_allclose(chances[parity.FREQUENCY], [0.5] * 4)


def test_answers_are_worth_what_the_rule_says():
    right = jnp.asarray([[True, True, False], [True, False, False], [True, False, False]])
    seen = jnp.zeros(4)
    assert np.asarray(parity.worth(parity.MEAN, right, seen)[0]).tolist() == [2.0, 1.0, 1.0]
    np.testing.assert_allclose(np.asarray(parity.worth(parity.SHARING, right, seen)[0]), [1 / 3 + 1, 1 / 3, 1 / 3])
    score, counts = parity.worth(parity.FREQUENCY, right, seen)
    assert np.asarray(score).tolist() == [-1.0, -2.0, -2.0]  # the rarer, the better
    assert np.asarray(counts).tolist() == [0.0, 2.0, 1.0, 0.0]


def test_sparse_challenges_lead_to_the_target_and_uniform_ones_do_not():
    sparse, uniform = (
        np.asarray(parity.generations_to_target(_keys(8), jnp.int32(14), rule, 400))
        for rule in (parity.SPARSE, parity.MEAN)
    )
    assert sparse.max() < 100 < uniform.mean()


@pytest.mark.parametrize("name", frequency.FUNCTIONS)
def test_functions_are_bijections_of_the_number_of_ones_with_the_top_at_all(name):
    values = frequency.values(name, 10)
    assert sorted(values.tolist()) == list(range(11))
    assert values.argmax() == 10
    second = np.argsort(values)[-2]
    assert second == {frequency.ONE_MAX: 9, frequency.JUMPS: 10 - frequency.JUMP, frequency.TRAP: 0}[name]


def test_frequency_fitness_runs_alike_on_all_of_them_and_a_plain_algorithm_is_misled():
    def evaluations(algorithm, name):
        return np.asarray(frequency.evaluations_to_optimum(_keys(4), algorithm, name, 10, 3000)).tolist()

    frequent = [evaluations(frequency.FREQUENCY, name) for name in frequency.FUNCTIONS]
    assert frequent[0] == frequent[1] == frequent[2]
    assert max(frequent[0]) < 3000
    assert evaluations(frequency.PLAIN, frequency.TRAP) == [3000] * 4
    assert np.mean(evaluations(frequency.PLAIN, frequency.ONE_MAX)) < np.mean(frequent[0])


def test_growth_is_the_factor_for_each_bit():
    assert growth({size: [3 * 2**size] * 2 for size in (8, 10, 12)}) == pytest.approx(2.0)
