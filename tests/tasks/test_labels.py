"""What tasks call inputs and outputs."""

import pytest

import wann_jax as wann
from wann_jax.tasks.registry import known_task, labels_of

NAMED = ["swingup", "biped", "xor", "carracing", "gymnax:BipedalWalker-v3"]
NAMED += [f"gymnax:{name}" for name in ("Acrobot-v1", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0")]


@pytest.mark.parametrize("name", [*NAMED, "gymnax:Pendulum-v1"])
def test_names_are_as_many_as_inputs_and_outputs(name):
    task = wann.make_task(name)
    labels = labels_of(name, task.num_inputs, task.num_outputs)
    assert len(set(labels.inputs)) == task.num_inputs
    assert len(set(labels.outputs)) == task.num_outputs
    assert "in 0" not in labels.inputs
    assert "out 0" not in labels.outputs


def test_pixels_are_told_by_the_picture():
    assert labels_of("digits", 64, 10).image == (8, 8)
    assert labels_of("mnist", 256, 10).image == (16, 16)
    assert labels_of("mnist", 256, 10).outputs[3] == "3"
    assert labels_of("mnist", 255, 10).image is None


@pytest.mark.parametrize("task", [None, "classify:mine.npz", "swingup", "gymnax:Catch-bsuite"])
def test_what_has_no_names_or_not_as_many_is_numbered(task):
    labels = labels_of(task, 3, 2)
    assert labels.inputs == ("in 0", "in 1", "in 2")
    assert labels.outputs == ("out 0", "out 1")
    assert labels.image is None


def test_only_names_that_mean_a_task_are_known():
    for name in ("swingup", "gymnax:CartPole-v1", "classify:mine.npz"):
        assert known_task(name) == name
    for name in (None, "", "mine", 3, ["swingup"], "gymnax:"):
        assert known_task(name) is None
