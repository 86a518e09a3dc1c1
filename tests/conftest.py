"""Strict JAX for every test: annotations are checked, ranks and dtypes must match, no key is used twice."""

import os
from pathlib import Path

import jax
from jaxtyping import install_import_hook

import tests.typecheck  # noqa: F401  (the hook names it)

# Most of the time goes into compiling: XLA's quickly made code instead of its fast code. `XLA_FLAGS= make test` has the
# fast one (twice the time), as users have it.
QUICK = ["--xla_backend_optimization_level=1"]
if jax.__version_info__ < (0, 11):
    QUICK.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(QUICK))
install_import_hook("wann_jax", "tests.typecheck.check")

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
# Older checkers take it for a use of a key that its place among devices is settled.
jax.config.update("jax_debug_key_reuse", jax.__version_info__ >= (0, 10))
jax.config.update("jax_compilation_cache_dir", str(Path(__file__).parents[1] / ".jax_cache"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)

# Tests look at all that commands write; how long they take must make no difference.
from wann_jax.evolution import progress  # noqa: E402  (after the hook)

progress.HEARTBEAT = float("inf")


def pytest_configure(config):
    """The native code is compiled before the workers start, or each would compile it."""
    if not hasattr(config, "workerinput"):
        from wann_jax import native

        native.available()
