# make demo | make test | make check: all there is. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := demo,postgres,test,lint

.PHONY: demo test check format shots widget clean

demo: $(VENV)/demo.stamp
	$(BIN)/python -m core demo

test: $(VENV)/test.stamp
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/python -m pytest -p xdist -n auto --maxprocesses 4 --dist loadfile

check: $(VENV)/test.stamp
	$(BIN)/ruff format --check core plugins migrations tests benchmarks
	$(BIN)/ruff check core plugins migrations tests benchmarks
	$(BIN)/mypy
	$(BIN)/python -m core.i18n check
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/python -m pytest tests/test_layout.py

format: $(VENV)/test.stamp
	$(BIN)/ruff check --fix core plugins migrations tests benchmarks
	$(BIN)/ruff format core plugins migrations tests benchmarks

# The README's pictures, taken from a running demo.
shots: $(VENV)/test.stamp
	$(BIN)/python tests/browser/take_shots.py

# What the server gives away as /widget/…, built anew from widget/ and the catalogs. Only this needs Node.
widget: $(VENV)/demo.stamp
	cd widget && npm install --no-package-lock --no-audit --no-fund --silent
	$(BIN)/python -m core.i18n widget
	cd widget && npm run build --silent

$(VENV)/demo.stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -e '.[demo]'
	touch $@

$(VENV)/test.stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -e '.[$(EXTRAS)]'
	touch $(VENV)/demo.stamp $@

clean:
	rm -rf $(VENV) var build *.egg-info
