# Everything here sets itself up: a virtual environment in .venv with pinned packages, made from PYTHON (>= 3.11).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export WANN_CACHE_DIR ?= $(CURDIR)/.cache
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.jax_cache

.PHONY: demo test test-matrix soak bench bench-box2d format clean

demo: $(VENV)/.installed
	@run=runs/demo-$$(date +%Y%m%d-%H%M%S); \
	  $(BIN)/wann search swingup --preset laptop --generations 100 --out $$run && $(BIN)/wann report $$run

test: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -n 2

# A short look with each Python that is found and the newest packages, with the oldest jax, and at what installing changes.
test-matrix: $(VENV)/.installed-dev
	.ci/matrix
	$(BIN)/pytest -m network -rs tests/test_install.py

# 20,000 generations of a small search: memory, file descriptors and compilations stay where they were.
soak: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.soak

# make bench ORIGINAL=DIR TENSORNEAT=DIR EVOJAX=DIR runs the peers too, from their checkouts.
bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.kernels $(if $(ORIGINAL),--original $(ORIGINAL)) $(if $(TENSORNEAT),--tensorneat $(TENSORNEAT)) $(if $(EVOJAX),--evojax $(EVOJAX))
	$(BIN)/python -m benchmarks.generation
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.search_quality swingup --preset laptop --generations 300 --seeds 5
	$(BIN)/python -m benchmarks.search_quality digits --preset laptop --generations 300 --seeds 3
	$(BIN)/python -m benchmarks.readme_table

# The environments that have Box2D as their judge; it is compiled where there is no wheel.
bench-box2d: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,box2d]'
	$(BIN)/python -m benchmarks.biped_fidelity --episodes 64 --steps 500
	$(BIN)/python -m benchmarks.biped_speed --seconds 5
	$(BIN)/python -m benchmarks.biped_champion biped-linear
	$(BIN)/python -m benchmarks.car_fidelity --episodes 24
	$(BIN)/python -m benchmarks.car_champion carracing-linear
	$(BIN)/python -m benchmarks.car_speed --steps 100 --seconds 3

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .venvs .jax_cache .cache .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=..., e.g. make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.installed
