# How functions and layers are built; `sam build` calls the Makefile of each, which includes this.
# The defaults build for AWS (Lambda's python3.13 on arm64) on any machine, without Docker.
# The sandbox builds for its host by setting the first two variables in the environment:
#   BUILD_PYTHON     minor version of the Python that will run the code
#   BUILD_PLATFORM   platform of the wheels, as `uv pip install --python-platform` names it
#   UV               the uv to use, when it is not on the path

BUILD_PYTHON ?= 3.13
BUILD_PLATFORM ?= aarch64-manylinux_2_28
UV ?= uv

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Bytecode is valid only for the minor version that wrote it, so only that interpreter may.
COMPILER := $(shell $(UV) python find --no-project --no-python-downloads $(BUILD_PYTHON) 2>/dev/null)

# Metadata is read at run time (entry points, versions) and licences are owed; the rest is not used.
UNUSED_FILES := -name __pycache__ -o -name tests -o -name test -o -name '*.pyi' -o -name .lock \
	-o -path '*.dist-info/sboms' -o -path '*.dist-info/RECORD' -o -path ./bin

# $(call install,requirements.txt,directory): third-party packages, exactly as locked.
define install
$(UV) pip install --quiet --no-deps --require-hashes --only-binary :all: --link-mode copy \
	--python-platform $(BUILD_PLATFORM) --python-version $(BUILD_PYTHON) \
	--target "$(2)" -r $(1)
endef

# $(call finish,directory,mount): remove what nothing runs, then precompile. A start without
# bytecode takes two to three times longer. Tracebacks name the mount, where Lambda puts the files.
define finish
cd "$(1)" && find . \( $(UNUSED_FILES) \) -prune -exec rm -rf {} +
if [ -n "$(COMPILER)" ]; then \
	"$(COMPILER)" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$(1)" -p "$(2)" "$(1)"; \
else \
	echo "warning: no Python $(BUILD_PYTHON) here, so $(2) has no bytecode and starts slower"; \
fi
endef
