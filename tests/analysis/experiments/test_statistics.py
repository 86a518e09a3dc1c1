"""Statistics of experiments: those of the textbook."""

import numpy as np
import pytest
from scipy import stats

from wann_jax.analysis.experiments.statistics import differences, holm, interquartile_mean, interval, summary


def test_the_interquartile_mean_leaves_the_outer_quarters_out():
    assert interquartile_mean([100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -50.0]) == pytest.approx(np.mean([2, 3, 4, 5]))
    assert interquartile_mean([1.0, 2.0]) == 1.5


def test_the_interval_holds_the_mean_of_most_samples():
    random = np.random.default_rng(0)
    held = [low <= 0.0 <= high for low, high in (interval(random.normal(size=20), seed) for seed in range(60))]
    assert 0.8 <= np.mean(held) <= 1.0


def test_a_summary_is_the_mean_inside_its_interval():
    found = summary([0.1, 0.2, 0.3, 0.4, 0.9])
    assert found["low"] <= found["mean"] <= found["high"]
    assert found["mean"] == pytest.approx(0.3)


def test_holms_correction_multiplies_the_smallest_most_and_never_lowers_a_later_one():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_differences_are_those_of_the_paired_t_test():
    random = np.random.default_rng(1)
    control, effect = random.normal(size=8), random.normal(size=8) + 1.0
    found = differences({"better": control + effect, "same": control}, control)
    alone = stats.ttest_rel(control + effect, control)
    low, high = alone.confidence_interval()
    assert found["better"] == pytest.approx((effect.mean(), low, high, 2 * alone.pvalue))
    assert found["same"] == (0.0, 0.0, 0.0, 1.0)
    assert differences({"one": [2.0]}, [1.0])["one"].p == 1.0  # one seed says nothing
