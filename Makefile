# Every target makes what it needs; .venv is the environment of this checkout.
SHELL := /bin/sh
BIN := .venv/bin
DEMO := demo/quickstart

.PHONY: help demo test faults pythons check docs pictures lab labextension labextension-check bench compile lock clean
help:
	@echo "make demo     train the quickstart's model and show what was recorded"
	@echo "make test     run all checks and tests"
	@echo "make faults   kill runs at every step, and run fifty at once (half an hour)"
	@echo "make pythons  test with every Python from 3.10 to 3.13 that is here"
	@echo "make check    format, lint, types, import rules"
	@echo "make docs     build the documentation into docs/_build"
	@echo "make pictures take the documentation's pictures from a JupyterLab (needs chromium; minutes)"
	@echo "make lab      open the quickstart in JupyterLab"
	@echo "make labextension        build the front end after a change of it, or of a record (needs Node)"
	@echo "make labextension-check  build it, and fail where that is not what is committed"
	@echo "make bench    measure all, and write the figures into the pages (25 minutes)"
	@echo "make compile  compile the generic pipelines after a change"
	@echo "make lock     compile the requirements.txt files after a change of dependencies"

.venv/ready: requirements.txt pyproject.toml .ci/venv
	@sh .ci/venv

demo: .venv/ready
	@test -d $(DEMO) || $(BIN)/jupyter mlops init --example quickstart $(DEMO)
	@$(BIN)/jupyter mlops train quickstart.ipynb --project $(DEMO) --wait
	@echo "  make lab    (the same from a cell: %load_ext mlops_nb, then %mlops train)"

test: check
	@sh .ci/containers
	@sh .ci/browser
	@sh .ci/labextension --check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 30

faults: .venv/ready
	$(BIN)/python -m pytest --numprocesses 2 -m faults

pythons: .venv/ready
	@sh .ci/pythons

check: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/ready
	@test -x $(BIN)/sphinx-build || { echo "the site is built with Python 3.11 or newer" >&2; exit 1; }
	$(BIN)/sphinx-build --fresh-env --write-all --fail-on-warning --keep-going --nitpicky --quiet docs docs/_build
	@echo "open docs/_build/index.html"

pictures: .venv/ready
	$(BIN)/python docs/pictures/take.py

lab: .venv/ready
	@test -d $(DEMO) || $(BIN)/jupyter mlops init --example quickstart $(DEMO)
	$(BIN)/jupyter lab --notebook-dir $(DEMO) quickstart.ipynb

labextension: .venv/ready
	@sh .ci/labextension

labextension-check: .venv/ready
	@sh .ci/labextension --check

bench: .venv/ready
	$(BIN)/python -m benchmarks --write

compile: .venv/ready
	$(BIN)/python -W ignore -m mlops_nb.pipelines.compiler

# One file for all interpreters and systems, and no address to download from.
lock:
	uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.10 \
	  --no-emit-index-url --no-header --no-annotate --quiet --upgrade --output-file requirements.txt
	for list in images/*/requirements.in; do \
	  uv --config-file images/uv.toml pip compile $$list --universal --python-version 3.10 \
	    --no-emit-index-url --no-header --no-annotate --quiet --upgrade --output-file $${list%.in}.txt || exit; \
	done

clean:
	rm -rf .venv demo docs/_build
