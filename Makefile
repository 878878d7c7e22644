# make setup            the newest environment (OneDL line) in .venv, this package in editable mode
# make demo             set up, then run the quickstart on pictures that the package makes itself
# make test             set up, then run the tests
# make lint             set up, then ruff and mypy
# make coverage         the tests with a report of the lines they do not reach
# make setup-openmmlab  the oldest environment (OpenMMLab's own line) in .venv-openmmlab; builds mmcv once
# make test-openmmlab   set it up, then run the tests there
# make clean            remove both environments and what the tools cache; keeps work_dirs

VENV := .venv
VENV_OLD := .venv-openmmlab
MMCV_OLD := 2.1.0
WHEELS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mmseg-primaps/wheels
WORKERS ?= 2
PYTEST_ARGS ?=

# Several processes share the cores: one thread each, and no spinning while a thread waits.
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= passive
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The first Python whose minor version lies between $(1) and $(2); nothing where there is none.
define find_python
$$(for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.10; do \
	if $$python -c 'import sys; sys.exit(not (3, $(1)) <= sys.version_info[:2] <= (3, $(2)))' 2>/dev/null; then \
		echo $$python; break; fi; \
done)
endef

# $(1) shell expression that names a Python, $(2) folder, $(3) what to say when there is none
define make_venv
@python=$(1); \
if [ -z "$$python" ]; then echo '$(3)' >&2; exit 1; fi; \
if [ ! -x $(2)/bin/pip ]; then \
	echo "Making $(2) with $$($$python --version)"; \
	$$python -m venv $(2) || { rm -rf $(2); \
		echo "$$python cannot make virtual environments: install its venv module (Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }; \
fi
endef

# OpenCV's usual wheel needs libGL, which servers and slim containers lack; its headless wheel is the same library.
define check_opencv
@$(1)/bin/python -c 'import cv2' 2>/dev/null || { \
	echo 'OpenCV cannot load (no libGL?): using its headless wheel.'; \
	$(1)/bin/pip uninstall -q -y opencv-python; \
	$(1)/bin/pip install -q --no-deps --force-reinstall opencv-python-headless==$$(sed -n 's/^opencv-python==//p' $(2)); }
endef

# pydensecrf has no wheels. Without a compiler the tests that compare with it are skipped.
define try_pydensecrf
@$(1)/bin/pip install -q -r requirements/compare.txt 2>$(1)/compare.log || \
	echo 'pydensecrf does not build here (no C++ compiler?): the comparisons with it are left out.'
endef

.PHONY: setup demo test lint coverage setup-openmmlab test-openmmlab clean
.DELETE_ON_ERROR:

setup: $(VENV)/.complete

$(VENV)/.complete: requirements/onedl.txt requirements/dev.txt requirements/compare.txt setup.py Makefile
	$(call make_venv,$(call find_python,10,13),$(VENV),Python 3.10 to 3.13 is needed: install one or name it with PYTHON=/path/to/python3.)
	@echo 'Installing the newest environment (OneDL line) ...'
	@$(VENV)/bin/pip install -q -r requirements/onedl.txt -r requirements/dev.txt
	$(call check_opencv,$(VENV),requirements/onedl.txt)
	$(call try_pydensecrf,$(VENV))
	@$(VENV)/bin/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	$(VENV)/bin/python tools/quickstart.py

test: setup
	$(VENV)/bin/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

coverage: setup
	$(VENV)/bin/python -m pytest -n $(WORKERS) --cov=mmseg_primaps --cov-report=term-missing:skip-covered $(PYTEST_ARGS)

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

setup-openmmlab: $(VENV_OLD)/.complete

# The wheel depends on Python, torch and the platform, and takes minutes to build: it is kept outside the clone.
# No GPU is shown to the build: mmcv's compiled operators are then the CPU's, which need no CUDA compiler.
$(VENV_OLD)/.complete: requirements/openmmlab.txt requirements/dev.txt requirements/compare.txt setup.py Makefile
	$(call make_venv,$(call find_python,10,11),$(VENV_OLD),Python 3.10 or 3.11 is needed for the oldest environment: install one or name it with PYTHON=/path/to/python3.)
	@echo 'Installing the oldest environment (OpenMMLab line) ...'
	@$(VENV_OLD)/bin/pip install -q -r requirements/openmmlab.txt -r requirements/dev.txt
	$(call check_opencv,$(VENV_OLD),requirements/openmmlab.txt)
	$(call try_pydensecrf,$(VENV_OLD))
	@key=$$($(VENV_OLD)/bin/python -c 'import platform, sys, torch; print("py%d%d-torch%s-%s" % (*sys.version_info[:2], torch.__version__.split("+")[0], platform.machine()))') && \
	wheels="$(WHEELS)/$$key" && \
	if ! ls "$$wheels"/mmcv-$(MMCV_OLD)-*.whl >/dev/null 2>&1; then \
		echo 'Building mmcv $(MMCV_OLD) once, 8 to 20 minutes on two cores ...'; \
		CUDA_VISIBLE_DEVICES= MMCV_WITH_OPS=1 $(VENV_OLD)/bin/pip wheel -q --no-cache-dir --no-deps --no-build-isolation \
			-w "$$wheels.part" mmcv==$(MMCV_OLD) && mkdir -p "$$wheels" && mv "$$wheels.part"/*.whl "$$wheels" && rmdir "$$wheels.part"; \
	fi && \
	$(VENV_OLD)/bin/pip install -q --no-deps "$$wheels"/mmcv-$(MMCV_OLD)-*.whl
	@$(VENV_OLD)/bin/python -c 'import mmcv._ext'
	@$(VENV_OLD)/bin/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

test-openmmlab: setup-openmmlab
	$(VENV_OLD)/bin/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

clean:
	rm -rf $(VENV) $(VENV_OLD) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
