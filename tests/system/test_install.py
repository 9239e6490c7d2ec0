"""elman as people get it: a wheel in a fresh environment elsewhere, with a compiler and without one.

The builds use this environment's build tools and the build folder that `make test` has just filled, and the fresh
environments borrow its numpy, so nothing is downloaded and nothing compiled twice.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tarfile
import textwrap
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
MESSAGE = "slow NumPy reference executor"

# One worker builds (--dist loadgroup), and one at a time where a version of pytest does not know groups.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("install"), pytest.mark.timeout(600)]

SMALL_FIT = textwrap.dedent(
    """
    import sys
    import numpy as np
    import elman

    X = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    y = X @ np.array([[1.0], [2.0], [-1.0]], "float32")
    for optimizer in ("sgd", "adam"):
        model = elman.Sequential([elman.layers.Dense(1, input_shape=(3,))])
        model.compile(loss="mean_squared_error", optimizer=optimizer)
        loss = model.fit(X, y, epochs=5, batch_size=16, verbose=0).history["loss"]
        assert loss[-1] < loss[0], loss
    assert model.predict(X, verbose=0).shape == (64, 1)
    print(elman.__file__)
    print("elman._native" in sys.modules)
    """
)


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what would lead back into the repository or force an executor."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ELMAN_", "PYTHON", "CMAKE_"))}
    return {**kept, **changes}


def build_wheel(folder: Path, *options: str, **changes: str) -> tuple[Path, str]:
    """Build a wheel of the repository into `folder`; the wheel, and what the build said."""
    command = [sys.executable, "-m", "pip", "wheel", "--verbose", "--no-deps", "--no-build-isolation", "--no-index"]
    run = subprocess.run(
        [*command, *options, "--wheel-dir", folder, ROOT],
        capture_output=True,
        text=True,
        check=False,
        env=environment(**changes),
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (wheel,) = folder.glob("elman-*.whl")
    return wheel, " ".join((run.stdout + run.stderr).split())


def install(wheel: Path, folder: Path) -> Path:
    """A fresh environment with numpy and the wheel, and nothing else; its interpreter."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(command, check=True, env=environment())
    (site,) = folder.glob("lib/python*/site-packages")
    for package in Path(np.__file__).parents[1].glob("numpy*"):
        (site / package.name).symlink_to(package)
    return python


def run_python(python: Path, code: str, folder: Path, **changes: str) -> tuple[list[str], str]:
    """Run code in an empty folder; the lines it printed, and what it wrote to stderr."""
    folder.mkdir(exist_ok=True)
    command = [python, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment(**changes))
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines(), run.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel with the extension, from the build folder that the Makefile keeps."""
    options = ("-C", f"build-dir={ROOT / 'build' / 'release'}")
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "release.lock").open("w") as turn:  # two builds in one folder disturb each other
        fcntl.flock(turn, fcntl.LOCK_EX)
        return build_wheel(tmp_path_factory.mktemp("wheel"), *options, ELMAN_NATIVE="ON")[0]


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The wheel built where no compiler is on PATH, and what the build said."""
    folder = tmp_path_factory.mktemp("pure")
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(sys.executable)
    return build_wheel(folder / "wheel", "-C", f"build-dir={folder / 'build'}", PATH=str(folder / "bin"), CXX="", CC="")


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_the_package_and_is_small(wheel):
    names = names_in(wheel)
    assert wheel.stat().st_size < 10e6
    assert any(name.startswith("elman/_native.") for name in names)
    assert "elman/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"elman"}
    packaged = {name for name in names if name.startswith("elman/") and not name.startswith("elman/_native.")}
    sources = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "elman").rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".so")
    }
    assert packaged == sources


def test_the_wheel_works_elsewhere_with_numpy_alone(wheel, tmp_path):
    python = install(wheel, tmp_path / "venv")
    lines, complaints = run_python(python, SMALL_FIT, tmp_path / "empty", PYTHONWARNINGS="error")
    assert Path(lines[0]).is_relative_to(tmp_path / "venv")
    assert lines[1] == "True"
    assert complaints == ""


def test_without_a_compiler_the_build_says_what_to_do(pure):
    wheel, said = pure
    assert [name for name in names_in(wheel) if "_native" in name] == []
    assert "elman: no working C++ compiler was found, so the compiled extension is left out." in said
    assert "apt install g++" in said


def test_without_a_compiler_elman_works_and_says_so_once(pure, tmp_path):
    python = install(pure[0], tmp_path / "venv")
    lines, complaints = run_python(python, SMALL_FIT, tmp_path / "empty")
    assert Path(lines[0]).is_relative_to(tmp_path / "venv")
    assert lines[1] == "False"
    assert complaints.count(MESSAGE) == 1
    assert "apt install g++" in complaints


def test_the_reference_executor_is_silent_where_it_was_chosen(pure, tmp_path):
    python = install(pure[0], tmp_path / "venv")
    _, complaints = run_python(python, SMALL_FIT, tmp_path / "empty", ELMAN_EXECUTOR="reference")
    assert complaints == ""


def test_a_compiler_that_is_not_there_is_no_compiler(tmp_path):
    wheel, said = build_wheel(
        tmp_path / "wheel", "-C", f"build-dir={tmp_path / 'build'}", CXX="/there/is/no/such/compiler"
    )
    assert [name for name in names_in(wheel) if "_native" in name] == []
    assert "elman: no working C++ compiler was found" in said


def test_a_compiler_that_cannot_compile_elman_does_not_keep_it_from_installing(tmp_path):
    """It passes CMake's checks and fails on elman's own files, as a compiler with a bug would."""
    compiler = tmp_path / "c++"
    compiler.write_text(
        '#!/bin/sh\ncase "$*" in *native/*.cpp*|*nanobind*) echo internal compiler error >&2; exit 1;; esac\n'
        'exec c++ "$@"\n'
    )
    compiler.chmod(0o755)
    wheel, said = build_wheel(tmp_path / "wheel", "-C", f"build-dir={tmp_path / 'build'}", CXX=str(compiler))
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "internal compiler error" in said


def test_native_on_makes_a_missing_compiler_an_error(tmp_path):
    with pytest.raises(AssertionError, match=r"ELMAN_NATIVE=ON, but no working C\+\+ compiler was found"):
        build_wheel(
            tmp_path / "wheel",
            "-C",
            f"build-dir={tmp_path / 'build'}",
            CXX="/there/is/no/such/compiler",
            ELMAN_NATIVE="ON",
        )


def test_the_source_distribution_can_be_compiled(tmp_path):
    code = f"import scikit_build_core.build as backend; print(backend.build_sdist({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment(), capture_output=True)
    (sdist,) = tmp_path.glob("elman-*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"pyproject.toml", "CMakeLists.txt", "LICENSE", "README.md", "src/elman/__init__.py"}
    sources = (path for path in (ROOT / "native").rglob("*") if path.is_file() and path.suffix != ".pyc")
    needed |= {path.relative_to(ROOT).as_posix() for path in sources}
    assert needed - names == set()
    assert [name for name in names if name.endswith((".so", ".npz")) or ".venv" in name] == []


def test_make_refuses_an_old_python_in_words(tmp_path):
    old = tmp_path / "python3.8"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1 && exit 0\nexit 1\n')
    old.chmod(0o755)
    command = ["make", "--no-print-directory", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", "demo"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment())
    assert run.returncode != 0
    assert f"elman needs Python 3.11 or later, and '{old}' is Python 3.8.1. Name another:" in run.stdout
