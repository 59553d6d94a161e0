# One command each. PYTHON=/path/to/python chooses the interpreter the environment is made with.
PYTHON ?= python3
# MODELS=0 leaves out the model libraries (torch and transformers).
MODELS ?= 1
# How many processes run the tests. Each file's tests run in one of them.
TESTERS ?= 2
# More words for pytest: make test ARGS="-k cutouts".
ARGS ?=

BIN := .venv/bin
# A stamp per set of extras says that it was installed from this pyproject.toml and these constraints.
STAMPS := .venv/stamps
LOCK := pyproject.toml constraints.txt
# Editable, so that the next start runs the code as it is then.
INSTALL := $(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --editable
CODE := $(wildcard imagequarry tests training bench examples)
# The web application: its sources, and the page that says it was built from them.
STUDIO := imagequarry/studio/site/index.html
STUDIO_CODE := $(shell find studio -name node_modules -prune -o -type f ! -name '*.test.ts' ! -name openapi.json ! -name schema.d.ts -print)
NODE := node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
# Installed once for each lock file; a copy of it says which one is installed.
NPM_CI := { cmp -s package-lock.json node_modules/.studio-lock || \
	{ npm ci --silent --no-audit --no-fund && cp package-lock.json node_modules/.studio-lock; }; }

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.PHONY: help run studio test soak bench check types format lock clean
.DELETE_ON_ERROR:

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name says; do \
		printf '%-14s %s\n' "$$name" "$$says"; done

run: $(STAMPS)/$(if $(filter 0 no false,$(MODELS)),core,models) studio ## Install what is missing and start the server (HOST, PORT, DATA_DIR; MODELS=0)
	@exec $(BIN)/imagequarry serve

studio: $(STUDIO) ## Build the web application, where Node.js is present

test: $(STAMPS)/test $(STAMPS)/gltf studio ## Install what the tests need and run them (ARGS="-k name")
	@$(BIN)/python -m pytest --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder $(ARGS)

soak: $(STAMPS)/test ## Kill servers and workers at random for some 20 minutes and count the jobs
	@$(BIN)/python -m pytest -m soak -s tests/jobs/test_soak.py $(ARGS)

bench: $(STAMPS)/test ## Measure models, jobs, watchers, vectors, duplicates and meshes side by side with what is published, half an hour (ARGS=--quick: less)
	@$(BIN)/python -m bench.sam $(ARGS)
	@$(BIN)/python -m bench.jobs
	@$(BIN)/python -m bench.vectors $(ARGS)
	@$(BIN)/python -m bench.duplicates $(ARGS)
	@$(BIN)/python -m bench.studio
	@$(BIN)/python -m bench.watchers $(ARGS)
	@$(BIN)/python -m bench.meshes $(ARGS)

check: $(STAMPS)/check types ## Lint, formatting, strict types and the floors
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --no-logo

format: $(STAMPS)/check ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)
	@if $(NODE) 2>/dev/null; then cd studio && $(NPM_CI) && npm run --silent format; fi

# The studio may call no route that the server does not describe: the types of its client are made from the description.
types: $(STAMPS)/check
	@if $(NODE) 2>/dev/null; then \
		$(BIN)/imagequarry openapi > studio/openapi.json && cd studio && $(NPM_CI) && npm run --silent types && npm run --silent check; \
	else echo "The studio is not checked: that takes Node.js 20.19 or newer." >&2; fi

lock: $(STAMPS)/venv ## Renew constraints.txt with the newest versions that pyproject.toml allows
	@$(BIN)/python -m pip install --quiet 'uv>=0.13'
	@{ echo "# Exact versions for every platform and Python from 3.11 on, used by pip as constraints; renewed by 'make lock'."; \
		echo "# No hashes: one version of torch has CPU and CUDA builds, which differ by hash."; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-annotate --no-header pyproject.toml; \
	} > constraints.new && mv constraints.new constraints.txt

clean: ## Remove the environment and all caches; data stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist studio/node_modules tests/gltf/node_modules imagequarry/studio/site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Without Node.js, or without a network for its libraries, the server goes on and says on its page what is missing.
$(STUDIO): $(STUDIO_CODE)
	@if ! $(NODE) 2>/dev/null; then \
		echo "The web application is not built: that takes Node.js 20.19 or newer. Everything else works without." >&2; \
	else \
		echo "Building the web application (again when its sources change) ..."; \
		{ cd studio && $(NPM_CI) && npm run --silent build -- --logLevel warn && touch ../$@; } || \
			echo "The web application could not be built, for the reason above: going on without." >&2; fi

$(STAMPS)/venv:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "$(PYTHON) was not found: install Python 3.11 or newer, or name one: make run PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Image Quarry needs Python 3.11 or newer and $(PYTHON) is $$("$(PYTHON)" -V 2>&1): name another, make run PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv module (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@"$(PYTHON)" -m venv .venv
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/core: $(STAMPS)/venv $(LOCK)
	@echo "Installing the server into .venv (once) ..."
	@$(INSTALL) .
	@touch $@

# Without the model libraries the server still does its work with the engines that need none: say so and go on.
$(STAMPS)/models: $(STAMPS)/venv $(LOCK)
	@echo "Installing the server and the model libraries into .venv (once, some minutes; MODELS=0 leaves the libraries out) ..."
	@if $(INSTALL) '.[models]'; then touch $@; else \
		echo "The model libraries could not be installed, for the reason above: going on with the embedded engines alone." >&2; \
		echo "The next 'make run' tries again; 'make run MODELS=0' does not." >&2; \
		$(MAKE) --no-print-directory $(STAMPS)/core; fi

$(STAMPS)/test: $(STAMPS)/venv $(LOCK)
	@echo "Installing what the tests need into .venv (once, some minutes) ..."
	@$(INSTALL) '.[models,test]'
	@touch $@

# The Khronos validator of models in space. Where there is no Node.js, the tests that need it say that they cannot run.
$(STAMPS)/gltf: tests/gltf/package-lock.json | $(STAMPS)/venv
	@if $(NODE) 2>/dev/null; then cd tests/gltf && npm ci --silent --no-audit --no-fund && touch "$(CURDIR)/$@"; \
	else echo "Models in space are not validated: that takes Node.js 20.19 or newer." >&2; fi

# Types are checked over tests, model engines and training scripts too, so their libraries must be there.
$(STAMPS)/check: $(STAMPS)/test
	@$(INSTALL) '.[check,training]'
	@touch $@
