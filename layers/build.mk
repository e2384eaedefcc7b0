# How functions and layers are built, included by the Makefile of each; `sam build` calls those.
# The defaults build for AWS (Lambda's python3.13 on arm64) on any machine, without Docker.
# The sandbox builds for the host by setting the two variables in the environment:
#   BUILD_PYTHON     minor version of the Python that will run the code
#   BUILD_PLATFORM   platform of the wheels, as `uv pip install --python-platform` names it

BUILD_PYTHON ?= 3.13
BUILD_PLATFORM ?= aarch64-manylinux_2_28
UV ?= uv

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Bytecode is only valid for the minor version that wrote it, so only that interpreter may.
COMPILER := $(shell $(UV) python find --no-project --no-python-downloads $(BUILD_PYTHON) 2>/dev/null)

# $(call install,requirements.txt,directory): third-party packages, exactly as locked.
define install
$(UV) pip install --quiet --no-deps --require-hashes --only-binary :all: --link-mode copy \
	--python-platform $(BUILD_PLATFORM) --python-version $(BUILD_PYTHON) \
	--target "$(2)" -r $(1)
endef

# $(call finish,directory,mount): remove what nothing runs, then precompile; tracebacks name the
# mount, where Lambda puts the directory. A cold start without bytecode takes 2 to 3 times longer.
define finish
find "$(1)" -type d \( -name __pycache__ -o -name tests -o -name test \) -prune -exec rm -rf {} +
if [ -n "$(COMPILER)" ]; then \
	"$(COMPILER)" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$(1)" -p "$(2)" "$(1)"; \
else \
	echo "warning: no python$(BUILD_PYTHON) here, so $(2) ships without bytecode and starts slower"; \
fi
endef
