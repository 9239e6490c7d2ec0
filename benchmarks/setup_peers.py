"""Create one virtual environment per peer framework under `.venv-peers/`.

Each peer gets its own environment, so that no peer sees another's packages: Keras chooses
its backend by what is installed, and thread pools of two frameworks in one process would
disturb the timings. An environment that already answers its probe import is left alone.

    python benchmarks/setup_peers.py              # all peers
    python benchmarks/setup_peers.py torch jax    # some of them
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-peers"


class Peer(NamedTuple):
    """What one peer's environment holds, and the import that proves it works."""

    requirements: tuple[str, ...]
    probe: str
    environment: tuple[tuple[str, str], ...] = ()


ENVIRONMENTS: dict[str, Peer] = {
    "keras-tf": Peer(
        ("tensorflow-cpu>=2.18", "keras==3.15.*"), "tensorflow, keras", (("KERAS_BACKEND", "tensorflow"),)
    ),
    "keras-jax": Peer(("jax[cpu]", "keras==3.15.*"), "jax, keras", (("KERAS_BACKEND", "jax"),)),
    "torch": Peer(("torch==2.13.0", "numpy"), "torch"),
    "jax": Peer(("jax[cpu]", "numpy"), "jax"),
    "onnxruntime": Peer(("onnxruntime==1.31.*", "onnx", "numpy"), "onnxruntime, onnx"),
}


def python_of(name: str) -> Path:
    """Return the interpreter of peer `name`, whether or not it exists yet."""
    return PEERS / name / "bin" / "python"


def works(name: str) -> bool:
    """Return whether the peer's environment exists and imports what it is for."""
    if not python_of(name).exists():
        return False
    probe = [str(python_of(name)), "-c", f"import {ENVIRONMENTS[name].probe}"]
    environment = {**os.environ, **dict(ENVIRONMENTS[name].environment)}
    return subprocess.run(probe, env=environment, capture_output=True, check=False).returncode == 0


def create(name: str) -> None:
    """Create the peer's environment and install its requirements into it."""
    venv.create(PEERS / name, with_pip=True, clear=True)
    pip = [str(python_of(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *ENVIRONMENTS[name].requirements], check=True)


def main(names: list[str]) -> int:
    """Set up the named peers, all of them by default; return the number of failures."""
    unknown = sorted(set(names) - set(ENVIRONMENTS))
    if unknown:
        known = ", ".join(ENVIRONMENTS)
        print(f"setup_peers: peer must be one of {known}. Received {unknown}.", file=sys.stderr)
        return 2
    failures = 0
    for name in names or list(ENVIRONMENTS):
        if works(name):
            print(f"{name}: ready")
            continue
        print(f"{name}: installing {' '.join(ENVIRONMENTS[name].requirements)}", flush=True)
        try:
            create(name)
        except subprocess.CalledProcessError as error:
            print(f"{name}: failed with exit status {error.returncode}", file=sys.stderr)
            failures += 1
            continue
        if not works(name):
            print(f"{name}: installed, but `import {ENVIRONMENTS[name].probe}` fails", file=sys.stderr)
            failures += 1
    return failures


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
