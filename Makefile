# Every target sets up what it needs: Python >= 3.11 with venv, and make, are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test slow slow-tests mutants again again-slow proofs check docs bench judges peers servers messages install format clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bms needs Python 3.11 or newer; set PYTHON=python3.x")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/bms demo

# Most tests wait for processes and sockets: three at a time take half as long on two cores.
test: $(STAMP)
	$(BIN)/python -m pytest -n 3 --dist loadfile

# proofs that take minutes, each with a seeded sample of its trials
slow: slow-tests mutants

slow-tests: $(STAMP)
	$(BIN)/python -m pytest -n 2 -m slow --durations 0

# do the tests notice when the code is wrong? a seeded sample of changes
mutants: $(STAMP)
	$(BIN)/python -m tests.mutants 40 --least 60

# what failed beside others, alone once more: what passes only now is unsteady, and wants mending
again: $(STAMP)
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none -v
again-slow: $(STAMP)
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none -v -m slow

# the same with all their trials: an hour or more
proofs: $(STAMP)
	BMS_PROOFS=whole $(BIN)/python -m pytest -n 2 -m slow --durations 0
	$(BIN)/python -m tests.mutants 300 --least 90

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/python -m tests.house
	$(BIN)/python -m tests.purity
	$(BIN)/python -m tests.clocks

# the documents as a site: build/docs/index.html; a warning is an error
docs: $(STAMP)
	$(BIN)/sphinx-build -W --keep-going -n -q -b html docs build/docs

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# the Chinese catalogue: finds new messages, compiles; says what is not translated yet
messages: $(STAMP)
	$(BIN)/python -m tests.messages

# the foreign servers that some tests talk to, once, into a cache outside the tree; EnergyPlus, FMPy
peers: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[energyplus,fmu]'
	$(BIN)/python -m tests.servers.build

# the databases that the copy of history is tested against, once, into the same cache
servers: $(STAMP)
	$(BIN)/python -m tests.servers.databases

# others judge what our plants did: ConStrain and camber, in an environment with their own pins;
# make judges DAYS=28 takes a month of each season, and hours
JUDGES := .venv-judges
DAYS ?= 4
judges: $(STAMP) $(JUDGES)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[energyplus]'
	$(BIN)/python -m tests.judges.trends build/judges --days $(DAYS)
	$(BIN)/python -m tests.judges.fault_days build/judges
	$(JUDGES)/bin/python -m tests.judges.verdicts build/judges

$(JUDGES)/.installed: tests/judges/requirements.txt
	$(PYTHON) -m venv $(JUDGES)
	$(JUDGES)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/judges/requirements.txt
	touch $@

# make bench ONLY=modbus runs the benchmarks whose names contain "modbus"
bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks $(ONLY)

clean:
	rm -rf $(VENV) $(JUDGES) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
