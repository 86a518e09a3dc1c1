"""Weight Agnostic Neural Networks (Gaier & Ha 2019), accelerated with JAX.

    import wann_jax as wann
    task = wann.make_task("swingup")
    result = wann.search(task, wann.SearchConfig.preset("swingup", "laptop"), seed=0)
"""

from wann_jax.devices import make_cores_devices

make_cores_devices()

from wann_jax.config import SearchConfig  # noqa: E402  (the number of devices is settled first)
from wann_jax.evaluation import evaluate  # noqa: E402
from wann_jax.forward import forward  # noqa: E402
from wann_jax.search import search  # noqa: E402
from wann_jax.tasks import make_task  # noqa: E402
