# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # A first search: a cart-pole swings up, with one weight for all connections
#
# [Weight Agnostic Neural Networks](https://arxiv.org/abs/1906.04358) do their task with *one* weight shared by all
# connections, whatever that weight is. What they know sits in their wiring. Here one evolves in about five minutes on
# two CPU cores; on a GPU take a larger population.

# %%
QUICK = False  # True: a minute, to see that all works
SOURCE = "wann_jax"  # what pip installs: a name, git+https://..., or a folder that holds the sources

try:
    import wann_jax as wann
except ImportError:  # keeps the jax, jaxlib and GPU plugin that are here
    # %pip install -q $SOURCE
    import wann_jax as wann

import jax

print("runs on", jax.devices()[0].device_kind, "with jax", jax.__version__)

# %% [markdown]
# ## Search
#
# A generation compiles every genome, lets each network drive under six shared weights, ranks by return and size, and
# mutates. All of it is one XLA program.

# %%
task = wann.make_task("swingup")
config = wann.SearchConfig.preset("swingup", "quick" if QUICK else "laptop", generations=20 if QUICK else 400)
result = wann.search(task, config, seed=0, progress=True)
result

# %%
result.plot()

# %% [markdown]
# ## What evolved
#
# Inputs left, the force right; each node shows the curve of its activation. No connection has a weight of its own.

# %%
wann.draw(result.network, task="swingup")

# %% [markdown]
# ## One weight, any weight
#
# The return against the shared weight: the six weights it evolved with are marked, all others it has never seen.

# %%
wann.plot_weights(task, result.network, episodes=5 if QUICK else 20)

# %% [markdown]
# ## See it swing

# %%
from IPython.display import Image

best = wann.best_shared_weight(task, result.network, grid_step=0.2 if QUICK else 0.02, episodes=8)
print("best shared weight", round(best, 2))
Image(filename=wann.movie(task, result.network, best, "swingup.gif", steps=200 if QUICK else 500))

# %% [markdown]
# ## A page of its own
#
# One HTML file that works offline: the network runs in it under a slider for the shared weight.

# %%
wann.save_network("champion.json", result.champion, {"task": "swingup"})
page = wann.write_report("champion.json", "champion.html", episodes=2 if QUICK else 20, replace=True)
print(page, f"{page.stat().st_size / 1000:.0f} KB: download it and open it in a browser")

# %%
import html

from IPython.display import HTML

frame = f'<iframe srcdoc="{html.escape(page.read_text())}" width="100%" height="900"></iframe>'
HTML("" if QUICK else frame)
