# Needs Python 3.11, make and the package registries; everything else is built here.
#   make demo          build, start everything, run the demo, keep serving (Ctrl-C stops all)
#   make demo SERVE=0  the same, but stop when the demo's job is done
#   make serve         start everything without the demo
#   make test          the whole test suite on servers of its own
#   make check         lint, types, import contracts, migrations, translations
#   make clean         remove what was built and the data of the demo

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
VENV_PYTHON := .venv/bin/python
TESTS ?= tests
SERVE ?= 1
PYTEST := OPENFLOOR_KEEP_TEST_DATA=0 $(VENV_PYTHON) -m pytest -q

.PHONY: demo serve test check build build-dev clean

demo: build
	@$(VENV_PYTHON) manage.py serve --demo $(if $(filter 0,$(SERVE)),--once)

serve: build
	@$(VENV_PYTHON) manage.py serve

test: build-dev
	@$(PYTEST) -n auto --maxprocesses=4 -m "not alone" $(TESTS)
	@$(PYTEST) -m alone $(TESTS) || [ $$? -eq 5 ] # 5: none of them is marked so

check: build-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(VENV_PYTHON) -m config.runtime.offline .venv/bin/mypy
	$(VENV_PYTHON) -m config.runtime.offline .venv/bin/lint-imports
	$(VENV_PYTHON) manage.py makemigrations --check --dry-run
	$(VENV_PYTHON) scripts/translations.py

build:
	@$(PYTHON) scripts/bootstrap.py

build-dev:
	@$(PYTHON) scripts/bootstrap.py --dev

clean:
	@$(PYTHON) scripts/clean.py
