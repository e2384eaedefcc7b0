"""The layers as `sam build` makes them for AWS: their size, and that nothing useless is inside."""

import compileall
import importlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.budgets.test_imports import ENVIRONMENT

ROOT = Path(__file__).parents[2]
MEGABYTE = 1_000_000

RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six")
"""What Lambda's Python brings along."""

NAMES = {
    "core": "CoreLayer",
    "crypto": "CryptoLayer",
    "dependencies": "DependenciesLayer",
    "duckdb": "DuckDbLayer",
    "geometry": "GeometryLayer",
}
"""The layers in the template, by directory."""

MOST_UNZIPPED = 250 * 1024 * 1024
"""What Lambda allows of a function with its layers."""

HOST = {
    "BUILD_PYTHON": f"{sys.version_info.major}.{sys.version_info.minor}",
    "BUILD_PLATFORM": f"{platform.machine()}-manylinux_2_28",
}


def build(layer: str, target: Path, **variables: str) -> Path:
    """Build a layer (its directory's name) with its own Makefile; bytecode included."""
    completed = subprocess.run(
        ["make", f"build-{NAMES[layer]}"],
        cwd=ROOT / "layers" / layer,
        env=os.environ
        | {"ARTIFACTS_DIR": str(target), "UV": str(Path(sys.prefix, "bin", "uv"))}
        | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    if "no bytecode" in completed.stdout:
        # Without Lambda's Python here, the bytecode of this one is as large.
        compileall.compile_dir(target, quiet=2)
    return target / "python"


def size(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("core", tmp_path_factory.mktemp("core"))


@pytest.fixture(scope="module")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("dependencies", tmp_path_factory.mktemp("dependencies"))


def test_core_and_dependencies_fit_the_budget(core: Path, dependencies: Path) -> None:
    assert size(core) + size(dependencies) <= 20 * MEGABYTE


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("duckdb", tmp_path_factory.mktemp("duckdb"))


def test_engine_of_the_history_fits_its_budget(duckdb: Path) -> None:
    assert size(duckdb) <= 80 * MEGABYTE
    assert [*duckdb.rglob("httpfs.duckdb_extension")]


def test_function_with_most_layers_fits_lambda(
    core: Path, dependencies: Path, duckdb: Path, tmp_path: Path
) -> None:
    """The history API has all five; its own code is next to nothing."""
    rest = [build(layer, tmp_path / layer) for layer in ("crypto", "geometry")]
    assert sum(map(size, (core, dependencies, duckdb, *rest))) <= 0.8 * MOST_UNZIPPED


def test_core_holds_first_party_code_only(core: Path) -> None:
    assert {entry.name for entry in core.iterdir()} == {"city", "models"}


def test_every_module_has_bytecode(core: Path, dependencies: Path) -> None:
    for layer in (core, dependencies):
        sources = [*layer.rglob("*.py")]
        assert sources
        assert [s for s in sources if not [*(s.parent / "__pycache__").glob(f"{s.stem}.*")]] == []


def test_native_code_is_for_lambda(dependencies: Path) -> None:
    libraries = [*dependencies.rglob("*.so")]
    assert libraries
    assert [library.name for library in libraries if "aarch64" not in library.name] == []


def test_licences_are_kept_and_tests_are_not(dependencies: Path) -> None:
    assert [*dependencies.rglob("tests")] == []
    assert len([*dependencies.rglob("LICENSE*")]) >= 10


@pytest.mark.skipif(sys.platform != "linux", reason="the wheels of other systems have other names")
def test_layers_and_lambda_hold_every_module_that_functions_import(tmp_path: Path) -> None:
    """Imports every module of ours, and what they import lazily, with nothing else to be found."""
    layers = ("core", "dependencies", "crypto", "duckdb", "geometry")
    path = [build(layer, tmp_path / layer, **HOST) for layer in layers]
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    for name in RUNTIME:
        origin = Path(str(importlib.import_module(name).__file__))
        source = origin.parent if origin.name == "__init__.py" else origin
        (runtime / source.name).symlink_to(source)
    functions = ROOT / "functions"
    modules = [
        ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for root in (functions, path[0])
        for file in root.rglob("*.py")
    ]
    lazily = [
        "boto3",
        "duckdb",
        "duckdb_extension_httpfs",
        "re2",
        "joserfc.jwt",
        "s2sphere",
        "shapely",
        "fastapi.openapi.docs",
    ]
    completed = subprocess.run(
        [sys.executable, "-S", "-c", f"import {', '.join([*sorted(modules), *lazily])}"],
        env=ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(map(str, [functions, *path, runtime]))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
