"""A network file may name its task, but no place to read from and no module to import."""

import pytest

import wann_jax as wann
from tests.helpers import PlainGenome, from_plain
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.runs.origin import task_of


def named(path, task):
    genome = from_plain(GenomeSpec.for_task(2, 1, (5,), 4), PlainGenome([1, 1, 1, 1], [(1, 3, True)]))
    wann.save_network(path, genome, {"task": task})
    return path


@pytest.mark.parametrize("task", ["classify:/etc/secret.npz", "classify:data.npz", "gymnasium:os.path:Some-v0"])
def test_a_file_names_no_path_and_no_module(tmp_path, task):
    path = named(tmp_path / "net.json", task)
    with pytest.raises(wann.DataError, match=r"info\.task must be given with --task: it is a path or a module; got"):
        task_of(path)
    assert task_of(path, task) == (task, {})


@pytest.mark.parametrize("task", ["xor", "gymnax:CartPole-v1", "gymnasium:CartPole-v1"])
def test_a_file_names_other_tasks(tmp_path, task):
    assert task_of(named(tmp_path / "net.json", task)) == (task, {})


def test_a_file_whose_task_is_no_name_is_refused(tmp_path):
    with pytest.raises(wann.DataError, match=r"info\.task must be a name; got 'int'"):
        task_of(named(tmp_path / "net.json", 7))
