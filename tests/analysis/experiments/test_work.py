"""Work until an accuracy, and what trainings and prunings count: the sums that are known."""

import numpy as np
import pytest

from tests.tuning.test_tuning import blobs
from wann_jax.analysis.experiments.contestants import one_layer
from wann_jax.analysis.experiments.students import Student
from wann_jax.analysis.experiments.training import Plan, all_left, fresh
from wann_jax.analysis.experiments.training_time import SEARCHED, SOFTMAX, mean_end, reached, until, verdict
from wann_jax.analysis.experiments.work import Work, train_in


def test_training_counts_three_passes_a_step_on_top_of_what_was_done():
    topology = one_layer(2, 3)
    masks = all_left(topology, 2)
    masks[1, 0] = 0.0
    student = Student(topology, masks, fresh(topology, masks, [0, 1]))
    assert Work().more(1000.0, 7.0, 2.0) == (1000.0, 7000.0, 2.0)
    before = Work(1000.0, 7000.0, 0.0)
    curves = train_in(blobs(), student, Plan(40, 32, 0.0), [0, 1], (10, 40), before)
    for curve in curves:
        passes, multiply_adds, seconds, accuracies = np.array(curve.points).T
        np.testing.assert_allclose(passes, [1000 + 3 * 10 * 32, 1000 + 3 * 40 * 32], rtol=1e-3)
        np.testing.assert_allclose(multiply_adds, 7000 + 8.5 * (passes - 1000), rtol=2e-3)
        assert seconds[1] / seconds[0] == pytest.approx(4.0, rel=0.01)
        assert accuracies[-1] > 0.9
        assert curve.test > 0.9
    assert [curve.connections for curve in curves] == [9, 8]


def test_work_until_a_level_is_that_of_the_first_point_there():
    curve = [[10.0, 100.0, 1.0, 0.8], [20.0, 200.0, 2.0, 0.93], [30.0, 300.0, 3.0, 0.91]]
    assert until(curve, 0.9, 1) == 200.0
    assert until(curve, 0.95, 0) == np.inf
    row = {"curves": [{"points": curve}, {"points": curve[:1]}, {"points": curve[1:]}]}
    assert reached(row, 0.9, 0) == pytest.approx(20.0)


def test_the_verdict_compares_the_cheapest_of_each_kind():
    def row(arm, work, connections):
        return {"arm": arm, "curves": [{"points": [[1.0, work, 1.0, 0.95]], "test": 0.93, "connections": connections}]}

    rows = [row(SOFTMAX, 100.0, 650), row("two layers", 70.0, 9000), row(SEARCHED, 210.0, 300)]
    found = verdict(rows, {each["arm"]: mean_end(each) for each in rows})
    assert "FAILED: the cheapest weight agnostic network of 90% took 3 times" in found
    assert found.endswith(f"is: {SEARCHED}.")
