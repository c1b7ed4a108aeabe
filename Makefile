# make demo | make test | make check: all there is; make upgrade renews what they install. PYTHON chooses the
# interpreter (3.11 or newer).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation -r
CODE := core plugins migrations tests benchmarks requirements
# Time zones come from the locked tzdata, not from the machine.
export PYTHONTZPATH =

.PHONY: demo test check format shots widget lock library-data upgrade clean

demo: $(VENV)/demo.stamp
	$(BIN)/python -m core demo

test: $(VENV)/test.stamp
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/python -m pytest -p xdist -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(if $(LONG),,--one-engine)

check: $(VENV)/test.stamp
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/python -m core.i18n check
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/python -m pytest tests/test_layout.py

format: $(VENV)/test.stamp
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

# The README's pictures, taken from a running demo.
shots: $(VENV)/test.stamp
	$(BIN)/python tests/browser/take_shots.py

# What the server gives away as /widget/…, built anew from widget/ and the catalogs. Only this needs Node.
widget: $(VENV)/demo.stamp
	cd widget && npm ci --no-audit --no-fund --silent
	$(BIN)/python -m core.i18n widget
	cd widget && npm run build --silent

# requirements/README.md says what each lock is for. pip takes nothing that a lock does not name with its hash: the
# build backend comes first, so that what has no wheel, and our own package, is built with it.
$(VENV)/demo.stamp: setup.cfg pyproject.toml requirements/build.txt requirements/demo.txt
	$(PYTHON) -m venv $(VENV)
	$(LOCKED) requirements/build.txt
	$(LOCKED) requirements/demo.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/test.stamp: setup.cfg pyproject.toml requirements/build.txt requirements/test.txt
	$(PYTHON) -m venv $(VENV)
	$(LOCKED) requirements/build.txt
	$(LOCKED) requirements/test.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(VENV)/demo.stamp $@

# After a change of setup.cfg: writes the locks anew and moves no version that still fits.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url $(NEWEST)
lock: $(VENV)/test.stamp
	$(LOCKED) requirements/tools.txt
	$(COMPILE) requirements/tools.in -o requirements/tools.txt
	$(COMPILE) requirements/build.in -o requirements/build.txt
	$(COMPILE) setup.cfg --all-extras -o requirements/test.txt
	$(COMPILE) setup.cfg --extra demo -c requirements/test.txt -o requirements/demo.txt
	$(BIN)/python deploy/list_needs.py setup.cfg postgres \
		| $(COMPILE) - -c requirements/test.txt -o requirements/image.txt

# Whether the libraries still say what we expect of plural rules, holidays and time zones.
library-data: $(VENV)/test.stamp
	$(BIN)/python requirements/library_data.py check

# Everything at its newest: renews the locks, runs everything and shows what moved. One goal that fails stops no other.
upgrade:
	$(MAKE) lock NEWEST=--upgrade
	@if command -v npm >/dev/null; then \
		(cd widget && npm install --package-lock-only --save-exact --no-audit --no-fund --silent \
			$$(node -p "Object.keys(require('./package.json').devDependencies).map((name) => name + '@latest').join(' ')")) \
		&& $(MAKE) widget; \
	else echo "There is no npm here: the widget's packages stay as they are."; fi
	@failed=; for goal in check test library-data; do $(MAKE) $$goal || failed="$$failed $$goal"; done; \
	$(BIN)/python requirements/show_moves.py; \
	if [ -n "$$failed" ]; then echo "Not in order:$$failed"; exit 1; fi

clean:
	rm -rf $(VENV) var build *.egg-info
