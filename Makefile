# Inside ChatGPT. `make help` lists what can be made; start with `make book`.

PYTHON ?= python3
PAGES ?=
# Programs are run as modules: the scripts in .venv/bin hold a path that may be old.
PY := .venv/bin/python
PYTEST := $(PY) -m pytest
JUPYTER_BOOK := $(PY) -c "from jupyter_book.cli.main import main; main()"
PARTS := $(PYTHON) tools/parts.py
# Two processes of one thread each: faster on two cores than one process of two threads.
TWO := OMP_NUM_THREADS=1 $(PYTEST) -n 2 --dist loadfile -q
# Neither may lead .venv's Python to other modules.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help python setup book test quick lint unit pages strict-book browser quick-unit \
	changed-pages verify serve lab chat execute normalise bench-inference bench-tokenizer \
	bench-training speedrun \
	test-portability train lock clean

help:  ## list what can be made (the default)
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)

python:  # what set-up and the table of parts run in
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or newer."; exit 1; }

setup: python  ## make .venv with the pinned requirements and the weights
	@$(PYTHON) tools/setup.py

book: setup  ## set everything up and build the HTML
	@$(JUPYTER_BOOK) build .
	@echo "The book is at _build/html/index.html: open it, or run make serve."

test: python  ## set everything up and run every check
	@$(PARTS) setup lint strict-book unit pages browser
	@echo "Every check passed."

quick: python  ## set up; lint, the fast tests, and the pages changed since main: minutes
	@$(PARTS) setup lint quick-unit changed-pages

lint:  # style, imports, the usual slips
	$(PY) -m ruff check .

strict-book:  # the HTML, from the stored outputs; a warning is an error
	$(JUPYTER_BOOK) build . --all -W -n --keep-going

unit:  # the package, the tools, the stored pages
	$(TWO) --ignore=tests/browser -m "not exhaustive" --durations=25 --durations-min=4

quick-unit:  # what is not marked slow
	$(TWO) --ignore=tests/browser -m "not slow and not exhaustive"

pages:  # every page is run again and its outputs are compared with the stored ones
	$(TWO) --nbval book

changed-pages:  # the same for pages that differ from main's, in the working tree as well
	@pages=$$($(PY) tools/pages.py changed) && \
	if [ -n "$$pages" ]; then $(TWO) --nbval $$pages; else echo "No page has changed."; fi

browser:  # every built page in chromium: light, dark, wide, narrow, by keyboard
	$(PYTEST) tests/browser

verify: setup  ## what takes too long for every change: exhaustive comparisons
	$(PYTEST) -m exhaustive

test-portability:  ## run the pages as an AVX2 machine would, and on all threads
	ATEN_CPU_CAPABILITY=avx2 $(TWO) --nbval book
	$(PYTEST) --nbval book

serve:  ## serve the built book on http://127.0.0.1:8000
	@test -f _build/html/index.html || { echo "There is no book yet: run make book."; exit 1; }
	$(PY) -m http.server 8000 --bind 127.0.0.1 --directory _build/html

lab: setup  ## open the pages in JupyterLab
	$(PY) -m jupyterlab --notebook-dir=book

chat: setup  ## talk to the model in the terminal
	@$(PY) -m insidegpt chat

execute: setup  ## run pages and store their outputs: PAGES="algorithm/tokenization", or all
	@$(PY) tools/pages.py execute $(PAGES)

normalise: setup  ## tidy stored pages without running them: PAGES=..., or all
	@$(PY) tools/pages.py normalise $(PAGES)

train: setup  ## train the book's small model again, and what is recorded of it: an hour
	OMP_NUM_THREADS=1 $(PY) benchmarks/pretraining.py --save src/insidegpt/checkpoints/mini \
		> pretraining.json && mv pretraining.json src/insidegpt/show/records/

bench-inference: setup  ## loading, first token and decoding, beside transformers
	PYTHONPATH=tests $(PY) benchmarks/bench_inference.py

bench-tokenizer: setup  ## encoding and training, beside tiktoken and tokenizers
	$(PY) benchmarks/bench_tokenizer.py

bench-training: setup  ## training, beside nanoGPT with PEER=its directory
	$(PY) benchmarks/bench_training.py $(if $(PEER),--peer $(PEER))

speedrun: setup  ## the race of benchmarks/SPEEDRUN.md: TEXT=file PEER=directory SECONDS=300
	$(PY) benchmarks/speedrun.py $(if $(TEXT),--text $(TEXT)) $(if $(PEER),--peer $(PEER)) \
		--seconds $(or $(SECONDS),300)

lock: setup  ## renew requirements.txt from the newest versions that pyproject.toml allows
	@set -eu; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	$(PY) -m pip install --dry-run --ignore-installed --report "$$dir/report" \
		'.[serve,book,test]' setuptools; \
	$(PY) tools/lock.py < "$$dir/report" > "$$dir/requirements.txt"; \
	cp "$$dir/requirements.txt" requirements.txt; \
	echo "requirements.txt is renewed: run make test, then commit it."

clean:  ## remove what was built; .venv stays
	rm -rf _build .pytest_cache .ruff_cache .hypothesis build src/*.egg-info
	find src tests tools book -name __pycache__ -prune -exec rm -rf {} +
	find book -name .ipynb_checkpoints -prune -exec rm -rf {} +
