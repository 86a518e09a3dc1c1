"""Gymnasium's own CarRacing-v3 seen and driven as the paper's wrapper does: the judge of networks for `carracing`.

In: frames of the real environment, outputs of networks. Out: means of the encoder's code, actions.
"""

import jax.numpy as jnp
from flax import struct
from jax import Array, lax
from jaxtyping import Float

from wann_jax.envs.car_racing.drive import paper_action
from wann_jax.envs.car_racing.lens import FRAME_ROWS, FRAME_SIZE, bilinear
from wann_jax.vae.model import Params, encode

ENV_ID = "CarRacing-v3"


class Eye(struct.PyTreeNode):
    """From frames of 96 x 96 pixels to what networks see."""

    encoder: Params

    @property
    def num_inputs(self) -> int:
        """Latents."""
        return self.encoder["mean"]["bias"].shape[-1]

    def __call__(self, frames: Float[Array, "N pixels"]) -> Float[Array, "N Z"]:
        """Means of the codes of frames in 0 ... 255, flat."""
        kept = frames.reshape(-1, FRAME_SIZE, FRAME_SIZE, 3)[:, :FRAME_ROWS]
        rows, columns = (jnp.asarray(bilinear(size), jnp.float32) for size in (FRAME_ROWS, FRAME_SIZE))
        smaller = jnp.einsum("rh,nhwk,cw->nrck", rows, kept, columns, precision=lax.Precision.HIGHEST)
        return encode(self.encoder, jnp.clip(jnp.floor(smaller + 0.5), 0, 255).astype(jnp.uint8))


class Controls(struct.PyTreeNode):
    """Steering, gas and brake from three outputs."""

    num_outputs: int = struct.field(pytree_node=False, default=3)

    def from_outputs(self, outputs: Float[Array, "*lanes 3"]) -> Float[Array, "*lanes 3"]:
        """Actions of the environment."""
        return jnp.moveaxis(paper_action(jnp.moveaxis(outputs, -1, 0)), 0, -1)
