# Everything happens in .venv of this checkout; nothing but Python (3.11 or newer) and make is needed.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint format types tests bench readme site licences clean

demo: .venv/.core  ## synthesise a track of each genre and predict it
	$(BIN)/genrekit demo

test: .venv/.test  ## lint, types, import contracts and tests
	$(MAKE) format
	$(MAKE) -j2 types tests

lint: format types

format: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.test
	$(BIN)/mypy
	$(BIN)/lint-imports

# Types are checked on one core meanwhile.
tests: .venv/.test
	$(BIN)/python -m pytest -q -n 2

bench: .venv/.test  ## time the features against the usual librosa script
	$(BIN)/python benchmarks/features.py --output docs/results/speed.md

readme: .venv/.test  ## put the measured numbers into README.md and docs/
	$(BIN)/python benchmarks/claims.py --page -o docs/results/claims.md
	$(BIN)/python benchmarks/readme.py
	$(BIN)/python benchmarks/sizes.py

site: .venv/.docs  ## build the documentation in build/site; dead links end it
	$(BIN)/mkdocs build --strict

licences: .venv/.test  ## list the licence of everything that is installed
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python benchmarks/licences.py

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/.core: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/.test: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@ .venv/.core

.venv/.docs: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@
