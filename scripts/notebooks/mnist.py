# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # MNIST: what a topology knows
#
# A network that tells digits apart although all its connections share one weight; then the weights are tuned by
# gradient descent, and the difference is what training adds to wiring. `digits` (8 x 8 pixels, in scikit-learn) stands
# in for MNIST where time is short; the code is the same.

# %%
QUICK = False  # True: a minute, on the small digits
SOURCE = "wann_jax"  # what pip installs: a name, git+https://..., or a folder that holds the sources

try:
    import wann_jax as wann
except ImportError:  # keeps the jax, jaxlib and GPU plugin that are here
    # %pip install -q $SOURCE
    import wann_jax as wann

import jax

print("runs on", jax.devices()[0].device_kind, "with jax", jax.__version__)

# %%
NAME = "digits" if QUICK else "mnist"  # mnist is downloaded once, hashes checked
task = wann.make_task(NAME)
print({split: len(labels) for split, labels in task.labels.items()}, "images of", task.num_inputs, "pixels")

# %% [markdown]
# ## Search
#
# 300 generations show the way; the networks of the zoo took some thousands.

# %%
config = wann.SearchConfig.preset(NAME, "quick" if QUICK else "laptop", generations=30 if QUICK else 300)
result = wann.search(task, config, seed=0, progress=True)
result.plot()

# %% [markdown]
# ## A network that had more time
#
# From the zoo: nobody has trained a weight of it. Left the pixels that it reads.

# %%
ZOO = "digits" if QUICK else "mnist"
network = wann.load_network(ZOO)
wann.draw(ZOO, weights=False)

# %%
wann.draw(ZOO, weights=False, highlight="3")  # what output 3 depends on, and where it looks

# %% [markdown]
# ## The accuracy at each shared weight
#
# Measured on the validation images. Different weights make different mistakes, so that weights can vote.

# %%
wann.plot_weights(task, network)

# %% [markdown]
# ## What gradient descent adds
#
# Every connection gets a weight of its own, from the best shared one on.

# %%
best = wann.best_shared_weight(task, network, grid_step=0.5 if QUICK else 0.02)
settings = wann.TuneConfig.for_task(
    True, "adam", steps=100 if QUICK else 1500, learning_rates=(0.03,), shared_starts=()
)
tuned = wann.tune(task, network, best, "adam", settings, progress=True)
print(f"validation accuracy: {tuned.start_score:.3f} at the shared weight {best:.2f}, {tuned.score:.3f} tuned")

# %% [markdown]
# ## The paper's rows
#
# On the validation images while there is something to choose; look at `split="test"` once, at the end.

# %%
rows = wann.protocol(task, network, tuned.weights, trials=20 if QUICK else 100, split="validation", best=best)
for row in rows:
    print(f"{row['row']:42} {row['mean']:.3f}")
