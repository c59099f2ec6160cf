# Two commands do everything: `make demo` and `make test`. Both install into .venv first, once.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
# Test processes, each on one core.
JOBS   ?= auto

.PHONY: demo test test-browser lint install clean

demo: install
	$(BIN)/robnas demo --out runs/demo

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS)

# Browser tests, none skipped: installs a Chromium where there is none (Debian and Ubuntu, as root).
test-browser: install
	@$(BIN)/python -c 'import sys; from robnas.explorer._chromium import find_browser; sys.exit(find_browser() is None)' \
	  || { apt-get update && apt-get install --yes chromium; }
	ROBNAS_REQUIRE_BROWSER=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) tests/explorer

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: $(READY)

# torchattacks pins an old requests and pulls in torchvision: it serves tests only, without its dependencies.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else \
	  f"robnas needs Python 3.11 or newer, {sys.executable} is {v[0]}.{v[1]}: make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt "torch==2.13.0"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps "torchattacks==3.5.1"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
