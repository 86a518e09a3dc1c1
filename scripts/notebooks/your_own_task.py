# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Your own task: an environment, a function, a data set
#
# Three ways to say what networks are for. All run inside the compiled search.

# %%
QUICK = False  # True: a minute, to see that all works
SOURCE = "wann_jax"  # what pip installs: a name, git+https://..., or a folder that holds the sources

try:
    import wann_jax as wann
except ImportError:  # keeps the jax, jaxlib and GPU plugin that are here
    # %pip install -q $SOURCE
    import wann_jax as wann

import jax
import jax.numpy as jnp
import numpy as np

print("runs on", jax.devices()[0].device_kind, "with jax", jax.__version__)
GENERATIONS = 10 if QUICK else 100

# %% [markdown]
# ## A gymnax environment
#
# Any with a box of observations and a discrete or bounded action.

# %%
pendulum = wann.make_task("gymnax:Pendulum-v1")
config = wann.SearchConfig.preset("gymnax:Pendulum-v1", "quick", generations=GENERATIONS)
result = wann.search(pendulum, config, seed=0, progress=True)
wann.draw(result.network, task="gymnax:Pendulum-v1")

# %% [markdown]
# One of your own is passed as an object: `wann.ControlTask.create("mine", env, env_params)`.
#
# ## A function
#
# Whatever maps a policy and a key to a return. The policy takes inputs [..., I] and gives outputs [..., O].


# %%
def follow_a_sine(policy, key):
    """Return of one episode: how well the network maps a phase to its sine."""
    phase = jax.random.uniform(key, (64, 1), minval=-1.0, maxval=1.0)
    return -jnp.abs(policy(phase) - jnp.sin(jnp.pi * phase)).mean()


sine = wann.FunctionTask(follow_a_sine, num_inputs=1, num_outputs=1, name="sine")
config = wann.SearchConfig(population_size=32, generations=GENERATIONS, episodes=2)
result = wann.search(sine, config, seed=0)
print(f"{result.champion_score:.3f} with {int(result.champion.num_enabled)} connections")

# %% [markdown]
# ## A data set
#
# Inputs [n, ...] and whole-number labels [n]; splits are made for you, or given.

# %%
random = np.random.default_rng(0)
x = random.normal(size=(2000, 2)).astype(np.float32)
y = (np.hypot(*x.T) > 1.2).astype(np.int32)  # inside or outside of a circle
circle = wann.ClassificationTask.create("circle", wann.Dataset.of_arrays(x, y))
config = wann.SearchConfig(population_size=64, generations=GENERATIONS, episodes=1)
result = wann.search(circle, config, seed=0)
print(f"validation accuracy {result.champion_score:.3f}, mean of six shared weights")

# %%
wann.draw(result.network)

# %%
wann.plot_weights(circle, result.network)

# %% [markdown]
# ## Your own loop
#
# `init`, `ask`, `tell`: evaluate networks in any way you like.

# %%
spec = wann.GenomeSpec.for_task(2, 1, hidden_activations=tuple(range(1, 11)), hidden_capacity=32)
config = wann.SearchConfig(population_size=32, generations=GENERATIONS)
state = wann.init(jax.random.key(0), config, spec)
inputs = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
wanted = jnp.array([0.0, 1.0, 1.0, 0.0])


@jax.jit
def generation(state):
    networks = wann.ask(state)
    outputs = jax.vmap(lambda network: jax.vmap(lambda w: wann.forward(network, w, inputs))(weights))(networks)
    returns = 1.0 - jnp.square(jnp.clip(outputs[..., 0], 0.0, 1.0) - wanted).mean(-1)  # [P, W]
    return wann.tell(config, state, returns)


weights = jnp.array(config.shared_weights)
for _ in range(config.generations):
    state, metrics = generation(state)
print(f"best mean return {float(metrics.return_max):.3f}")
