# Inside ChatGPT. `make help` lists what can be made; start with `make book`.

PYTHON ?= python3
PAGES ?=
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup book test lint unit pages strict-book browser serve lab chat \
	execute normalise bench-inference bench-tokenizer test-portability lock clean

help:  ## list what can be made (the default)
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)

setup:  ## make .venv with the pinned requirements and the weights
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or newer."; exit 1; }
	@$(PYTHON) tools/setup.py

book: setup  ## set everything up and build the HTML
	@$(BIN)/jupyter-book build .
	@echo "The book is at _build/html/index.html: open it, or run make serve."

test: setup lint strict-book unit pages browser  ## set everything up and run every check
	@echo "Every check passed."

lint:  # style, imports, the usual slips
	$(BIN)/ruff check .

strict-book:  # the HTML, from the stored outputs; a warning is an error
	$(BIN)/jupyter-book build . --all -W -n --keep-going

unit:  # the package, the tools, the stored pages
	$(PYTEST) --ignore=tests/browser

pages:  # every page is run again and its outputs are compared with the stored ones
	$(PYTEST) --nbval book

browser:  # every built page in chromium: light, dark, wide, narrow, by keyboard
	$(PYTEST) tests/browser

test-portability:  ## run the pages as an AVX2 machine would, and on one thread
	ATEN_CPU_CAPABILITY=avx2 $(PYTEST) --nbval book
	OMP_NUM_THREADS=1 $(PYTEST) --nbval book

serve:  ## serve the built book on http://127.0.0.1:8000
	@test -f _build/html/index.html || { echo "There is no book yet: run make book."; exit 1; }
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

lab: setup  ## open the pages in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=book

chat: setup  ## talk to the model in the terminal
	@$(BIN)/insidegpt chat

execute: setup  ## run pages and store their outputs: PAGES="algorithm/tokenization", or all
	@$(BIN)/python tools/pages.py execute $(PAGES)

normalise: setup  ## tidy stored pages without running them: PAGES=..., or all
	@$(BIN)/python tools/pages.py normalise $(PAGES)

bench-inference: setup  ## loading, first token and decoding, beside transformers
	PYTHONPATH=tests $(BIN)/python benchmarks/bench_inference.py

bench-tokenizer: setup  ## encoding and training, beside tiktoken and tokenizers
	$(BIN)/python benchmarks/bench_tokenizer.py

lock:  ## renew requirements.txt from the newest versions that pyproject.toml allows
	@set -eu; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	$(PYTHON) -m venv "$$dir"; \
	"$$dir/bin/pip" install '.[serve,book,test]'; \
	"$$dir/bin/pip" freeze --all > "$$dir/frozen"; \
	$(PYTHON) tools/lock.py < "$$dir/frozen" > "$$dir/requirements.txt"; \
	cp "$$dir/requirements.txt" requirements.txt; \
	echo "requirements.txt is renewed: run make test, then commit it."

clean:  ## remove what was built; .venv stays
	rm -rf _build .pytest_cache .ruff_cache .hypothesis build src/*.egg-info
	find src tests tools book -name __pycache__ -prune -exec rm -rf {} +
	find book -name .ipynb_checkpoints -prune -exec rm -rf {} +
