"""The programs compared: one process each, asked over JSON lines, bound to one CPU and one thread unless said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Self

from benchmarks import machine, setup_peers
from benchmarks.peers import problems, speak

PEERS = Path(__file__).resolve().parent / "peers"


class Unavailable(RuntimeError):
    """A program did not start or did not answer; the message says why."""


class Unsupported(Unavailable):
    """A program does not have what was asked of it, by its nature."""


class Program(NamedTuple):
    """How a program is started. `peer`: whose environment; `settings`: further environment variables."""

    name: str
    script: str
    peer: str = ""
    threads: int = 1
    settings: tuple[tuple[str, str], ...] = ()

    def command(self) -> list[str]:
        """Return the command line: the peer's own interpreter, elman's being this one."""
        peer = self.peer or self.name
        interpreter = sys.executable if peer == "elman" else str(setup_peers.python_of(peer))
        return [interpreter, str(PEERS / self.script)]

    def environment(self) -> dict[str, str]:
        """Return the environment: its threads, bytecode kept (as installers do), and what the peer itself needs."""
        peer = setup_peers.ENVIRONMENTS.get(self.peer or self.name)
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {
            **kept,
            **machine.threads(self.threads),
            **({speak.PEAK: str(library)} if (library := machine.peak_program("-shared", "-fPIC")) else {}),
            **dict(peer.environment if peer else ()),
            **dict(self.settings),
        }

    def missing(self, error: OSError) -> Unavailable:
        """Return what to raise where the interpreter could not be started."""
        return Unavailable(f"{self.name}: {error}. Run: python benchmarks/setup_peers.py {self.peer or self.name}")

    def bind(self) -> None:
        """Bind the calling process to as many CPUs as it has threads; run in a child before it starts."""
        machine.bind(self.threads)


PROGRAMS = (
    Program("elman", "elman_peer.py"),
    Program("keras-tf", "keras_peer.py"),
    Program("keras-jax", "keras_peer.py"),
    Program("torch", "torch_peer.py"),
    Program("jax", "jax_peer.py"),
    Program("onnxruntime", "onnxruntime_peer.py"),
    Program("elman-2-threads", "elman_peer.py", "elman", threads=2),
    Program("torch-2-threads", "torch_peer.py", "torch", threads=2),
    Program("elman-bfloat16", "elman_peer.py", "elman", settings=((problems.BFLOAT16, "1"),)),
    Program("torch-bfloat16", "torch_peer.py", "torch", settings=((problems.BFLOAT16, "1"),)),
    Program("elman-avx512", "elman_peer.py", "elman", settings=(("ELMAN_ISA", "avx512"),)),
    Program("elman-avx2", "elman_peer.py", "elman", settings=(("ELMAN_ISA", "avx2"),)),
)
FRAMEWORKS = ("elman", "keras-tf", "keras-jax", "torch", "jax")


def programs(names: Iterable[str]) -> list[Program]:
    """Return programs by name, in their order in the table."""
    wanted = set(names)
    return [program for program in PROGRAMS if program.name in wanted]


class Running:
    """A started program; use it as a context manager."""

    def __init__(self, program: Program) -> None:
        self.name = program.name
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed by __exit__
        try:
            self.process = subprocess.Popen(
                program.command(),
                env=program.environment(),
                preexec_fn=program.bind,  # noqa: PLW1509  no thread runs here
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if os.environ.get("BENCH_DEBUG") else self.said,
                text=True,
            )
        except OSError as error:
            self.said.close()
            raise program.missing(error) from error
        self.versions: dict[str, str] = self._answer()["ready"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()  # which ends the program
        self.process.wait()
        self.said.close()

    def _last_words(self) -> str:
        """Return the last line that an ended program wrote to standard error, and how it ended."""
        self.process.wait()
        self.said.seek(0)
        lines = self.said.read().strip().splitlines()
        return f"{lines[-1] if lines else 'no message'} (exit {self.process.returncode})"

    def _answer(self) -> dict[str, Any]:
        """Read one answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Unavailable(f"{self.name}: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "unsupported" in answer:
            raise Unsupported(f"{self.name} has no such thing")
        if "error" in answer:
            raise Unavailable(f"{self.name}: {answer['error']}")
        return answer

    def ask(self, bench: str, **arguments: Any) -> dict[str, Any]:
        """Ask for one measurement."""
        assert self.process.stdin is not None
        if self.process.poll() is not None:
            raise Unavailable(f"{self.name}: {self._last_words()}")
        self.process.stdin.write(json.dumps({"bench": bench, **arguments}) + "\n")
        self.process.stdin.flush()
        return self._answer()


def run_cold(program: Program) -> dict[str, Any]:
    """Run the whole tutorial in a new process; return its answer with the seconds of the whole process."""
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [*program.command(), "cold"],
            env=program.environment(),
            preexec_fn=program.bind,
            capture_output=True,
            check=False,
            text=True,
        )
    except OSError as error:
        raise program.missing(error) from error
    seconds = time.perf_counter() - start
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"
        raise Unavailable(f"{program.name}: {last}")
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "seconds": seconds}
