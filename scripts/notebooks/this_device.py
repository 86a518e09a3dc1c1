# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # How fast is this machine?
#
# Times whole generations on the device that JAX finds, compilation apart, and prints them beside those of two CPU
# cores. In Colab choose a GPU under *Runtime*, *Change runtime type*.

# %%
QUICK = False  # True: a minute, with small populations
SOURCE = "wann_jax"  # what pip installs: a name, git+https://..., or a folder that holds the sources

try:
    import wann_jax as wann
except ImportError:  # keeps the jax, jaxlib and GPU plugin that are here
    # %pip install -q $SOURCE
    import wann_jax as wann

# !wann devices
# %%
import statistics

import jax


def seconds_of(task, config, generations):
    """Median seconds of a generation, without those that compiled; its work in a second."""
    found = []

    def note(dispatch):
        if not dispatch.compiled:
            count = len(dispatch.metrics.generation)
            found.append((dispatch.seconds / count, float(dispatch.metrics.work.sum()) / dispatch.seconds))

    wann.search(task, config, seed=0, on_dispatch=note, progress=True)
    return [statistics.median(column) for column in zip(*found, strict=True)]


CASES = {  # task, preset, generations; what two cores of an EPYC need
    "swing-up, laptop": ("swingup", "laptop", 200, "30 ms"),
    "swing-up, paper": ("swingup", "paper", 100, ""),
    "digits, laptop": ("digits", "laptop", 200, ""),
}
if not QUICK:
    CASES["MNIST, paper, start of a search"] = ("mnist", "paper", 100, "")

rows = []
for label, (name, preset, generations, cpu) in CASES.items():
    changes = dict(population_size=16, tournament_size=4) if QUICK else {}
    config = wann.SearchConfig.preset(name, preset, generations=30 if QUICK else generations, **changes)
    task = wann.make_task(name)
    seconds, work = seconds_of(task, config, generations)
    rows.append(
        (label, config.population_size, f"{1000 * seconds:.1f} ms", f"{work / 1e6:.2f} M {task.work_unit}/s", cpu)
    )

# %%
print(jax.devices()[0].device_kind, "jax", jax.__version__)
header = ("generation", "population", "here", "work", "two CPU cores")
for row in [header, *rows]:
    print("{:34} {:>10} {:>12} {:>22} {:>15}".format(*map(str, row)))
