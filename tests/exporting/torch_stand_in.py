"""As much of PyTorch as exported modules use, on NumPy: they are run also where PyTorch is not installed.

It has no gradients. What it leaves out or does otherwise than PyTorch, it cannot find: test_torch_code.py uses PyTorch
itself where there is one.
"""

import types

import numpy as np


class Tensor(np.ndarray):
    @property
    def device(self):
        return "cpu"

    def to(self, dtype):
        return self.astype(dtype)

    def detach(self):
        return self

    def expand(self, count):
        return np.broadcast_to(self, (count,)).view(Tensor)

    def new_zeros(self, *shape):
        return np.zeros(shape, self.dtype).view(Tensor)

    def unsqueeze(self, axis):
        return np.expand_dims(self, axis)

    def index_add(self, axis, index, source):
        assert (axis, len(index)) == (0, len(source))
        made = self.copy()
        np.add.at(made, np.asarray(index), source)
        return made

    def split(self, sizes):
        assert sum(sizes) == len(self)
        return np.split(self, np.cumsum(sizes)[:-1])


class Module:
    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    def register_buffer(self, name, tensor, persistent):
        setattr(self, name, tensor)


def tensor(values, dtype=np.float32):
    return np.array(values, dtype).view(Tensor)


torch = types.ModuleType("torch")
torch.__dict__.update(
    nn=types.SimpleNamespace(Module=Module, Parameter=lambda values: values),
    tensor=tensor,
    as_tensor=lambda values, dtype, device: tensor(values, dtype),
    long=np.int64,
    pi=np.pi,
    cat=lambda parts: np.concatenate(parts).view(Tensor),
    ones_like=np.ones_like,
    remainder=np.remainder,
    sigmoid=lambda v: 0.5 * np.tanh(0.5 * v) + 0.5,
    neg=np.negative,
    relu=lambda v: np.maximum(v, 0),
    **{name: getattr(np, name) for name in ("abs", "tanh", "sin", "cos", "exp")},
)
