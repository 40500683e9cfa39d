# Developer commands: `make` lists them. Needs make, Python >= 3.11 with venv, and OpenMP.
# `make PYTHON=python3.12 test` chooses the Python of a new .venv.

.DEFAULT_GOAL := help
.PHONY: help demo dashboard test soak check format run bench bench-accept docs images lock sbom licences audit

VENV := .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv pip
PROJECT := --python $(PY) --no-build-isolation --editable
ARGS :=

# Like pip, uv then trusts the certificates that this system trusts.
export UV_SYSTEM_CERTS := 1
# uv parts folders by commas, and fails on one that is absent, where pip only warns.
ifneq ($(wildcard $(PIP_FIND_LINKS)),)
export UV_FIND_LINKS := $(shell echo $(wildcard $(PIP_FIND_LINKS)) | tr ' ' ',')
endif

# torch stands outside the locks, for its builds differ by machine: a folder of wheels decides, or
# else what fits this machine's GPU, or its lack of one.
TORCH := $(if $(UV_FIND_LINKS),,--torch-backend=auto)

# The hashed locks are resolved for Linux and Python 3.11, and bind there; elsewhere
# pyproject.toml resolves. `make LOCKED=yes` and `make LOCKED=no` choose.
LOCKED ?= $(shell $(PY) -c \
	'import sys; print("yes" if (sys.platform, *sys.version_info[:2]) == ("linux", 3, 11) else "no")')

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/base.stamp ## Run sixty simulated mornings offline, and print the forecast
	@$(VENV)/bin/forecastlab demo $(ARGS)

dashboard: $(VENV)/web.stamp ## Show the demo in the browser (ARGS="--store PATH" for another store)
	@$(VENV)/bin/forecastlab dashboard --store outputs-demo $(ARGS)

test: $(VENV)/dev.stamp ## Run all tests
	$(PY) -m pytest --numprocesses auto --maxprocesses 4 $(BY_FILE) $(ARGS)

soak: $(VENV)/dev.stamp ## Live through sixty mornings with faults (ARGS="--mornings 90 --seed 2")
	@OMP_NUM_THREADS=1 $(PY) -m tests.soak $(ARGS)

# A file stays on one worker, so that what its tests share is made once; in the order of the folders,
# for the files that take longest, of the whole days, stand near its beginning.
BY_FILE := --dist loadfile --no-loadscope-reorder

check: $(VENV)/dev.stamp ## Lint, format, types, layers
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest --quiet tests/unit/test_layers.py tests/unit/test_banned.py

format: $(VENV)/dev.stamp ## Mend what ruff can mend
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

run: $(VENV)/base.stamp ## Run the morning on live Binance candles
	@$(VENV)/bin/forecastlab daily $(ARGS)

bench: $(VENV)/dev.stamp ## Run all benchmarks alone on this machine (ARGS="--only serving", --all)
	@$(PY) -m benchmarks $(ARGS)

bench-accept: $(VENV)/dev.stamp ## Put the newest run, or RUN=FOLDER, into docs/results, and write docs
	@$(PY) -m benchmarks.accept $(RUN) $(ARGS)
	@$(MAKE) --no-print-directory docs ARGS=

docs: $(VENV)/base.stamp ## Write every figure and table of the documents anew (ARGS=--check)
	@$(PY) scripts/make_docs.py $(ARGS)

sbom: $(VENV)/dev.stamp ## List what the locks hold as CycloneDX, in outputs/sbom/
	@$(PY) scripts/make_sbom.py $(ARGS)

licences: $(VENV)/dev.stamp ## List the licences of all dependencies
	@$(PY) scripts/make_sbom.py --licences

audit: $(VENV)/dev.stamp ## Look up known vulnerabilities of the locked packages (asks pypi.org)
	@sh requirements/audit.sh $(PY) $(ARGS)

images: ## Build both images, and run them as Cloud Run would (BASE_IMAGE=, RUNTIME=)
	@deploy/check_images.sh

lock: $(VENV)/tools.stamp ## Resolve the locks again (ARGS=--upgrade for the newest)
	$(COMPILE) --group tools --output-file requirements/tools.lock $(ARGS)
	$(COMPILE) pyproject.toml --output-file requirements/base.lock $(ARGS)
	$(COMPILE) pyproject.toml --extra dev --no-emit-package torch \
		--constraint requirements/base.lock --output-file requirements/dev.lock $(ARGS)
	@sed '/^$$/,$$d' requirements/dev.lock >requirements/dev.tmp # uv ends it by naming torch
	@mv requirements/dev.tmp requirements/dev.lock
	$(COMPILE) --group audit $(TESTED) --output-file requirements/audit.lock $(ARGS)
	$(COMPILE) pyproject.toml $(JOB) $(TESTED) --output-file requirements/job-cpu.lock $(ARGS)
	echo onnxruntime | $(COMPILE) pyproject.toml $(JOB) --extra gpu --excludes /dev/stdin $(TESTED) \
		--output-file requirements/job-gpu.lock $(ARGS)
	printf '%s\n' $(NOT_IN_WEB) | $(COMPILE) pyproject.toml --extra cloud --extra web \
		--excludes /dev/stdin $(TESTED) --output-file webapp/requirements-web.txt $(ARGS)

COMPILE := $(UV) compile --quiet --no-header --generate-hashes \
	--python-version 3.11 --python-platform x86_64-manylinux_2_28

# What the images hold beyond the base, at the versions that the tests ran with.
JOB := --extra cloud --extra serve --extra notify --extra analyst
TESTED := --constraint requirements/dev.lock

# No model library, no exchange: the web image only reads the store.
NOT_IN_WEB := google-cloud-run joblib lightgbm onnxruntime python-binance xgboost xgboost-cpu

$(VENV)/tools.stamp: requirements/machine.sh requirements/tools.lock
	@python=$$(sh requirements/machine.sh) || exit 1; \
	$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| "$$python" -m venv --clear $(VENV)
	@$(PY) -m pip install -qq --disable-pip-version-check --require-hashes \
		--requirement requirements/tools.lock
	@touch $@

$(VENV)/base.stamp: $(VENV)/tools.stamp pyproject.toml requirements/base.lock
	@echo "Installing ForecastLab into $(VENV)"
	@$(call install,base,.)
	@touch $@

$(VENV)/web.stamp: $(VENV)/base.stamp webapp/requirements-web.txt
	@echo "Installing what the dashboard needs"
	@if [ "$(LOCKED)" = yes ]; then \
		$(UV) install --quiet --compile-bytecode --require-hashes --python $(PY) \
			--requirement webapp/requirements-web.txt; \
	else $(UV) install --quiet --compile-bytecode $(PROJECT) '.[web]'; fi
	@touch $@

$(VENV)/dev.stamp: $(VENV)/base.stamp requirements/dev.lock
	@echo "Installing what the tests need"
	@$(call install,dev,.[dev])
	@$(UV) install --quiet --python $(PY) $(TORCH) 'torch==2.13.0'
	@touch $@

# $(1) names the lock, $(2) the project with its extras.
install = if [ "$(LOCKED)" = yes ]; then \
		$(UV) install --quiet --compile-bytecode --require-hashes --python $(PY) \
			--requirement requirements/$(1).lock \
		&& $(UV) install --quiet --no-deps $(PROJECT) .; \
	else $(UV) install --quiet --compile-bytecode $(PROJECT) '$(2)'; fi
