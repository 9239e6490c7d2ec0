"""What a process may meet: forks, many threads, little memory, numbers near zero, no data, very long data."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from elman import Sequential, load_model, ops
from elman.errors import DataError, ExecutorError, MemoryLimitError
from elman.executors import NativeExecutor
from elman.graph import Graph, placeholder
from elman.layers import GRU, LSTM, Dense, IndRNN, Input, SimpleRNN
from elman.losses import MeanSquaredError
from elman.shapes import B

PATIENCE = 60
"""Seconds after which a child that hangs is given up."""


def model(units: int = 48) -> Sequential:
    made = Sequential([Input((None, 8)), LSTM(units, return_sequences=True), GRU(units), Dense(2)], name="m", seed=3)
    made.compile("adam", MeanSquaredError())
    return made


def batch(rng, rows: int = 64, steps: int = 20) -> np.ndarray:
    return rng.normal(size=(rows, steps, 8)).astype("float32")


# ---- forks ---------------------------------------------------------------------------------------------------------

_shared: dict[str, object] = {}


def _in_child(i: int) -> bytes:
    made, x = _shared["model"], _shared["x"]
    before = made.predict(x, batch_size=64, verbose=0).tobytes()
    made.fit(x, np.zeros((len(x), 2)), batch_size=64, verbose=0)
    return before


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_children_of_a_process_that_used_its_threads_work(monkeypatch, rng):
    monkeypatch.setenv("ELMAN_NUM_THREADS", "2")
    made, x = model(), batch(rng)
    expected = made.predict(x, batch_size=64, verbose=0).tobytes()
    made.fit(x, np.ones((len(x), 2)), batch_size=64, epochs=0, verbose=0)
    _shared.update(model=made, x=x)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        for found in pool.map_async(_in_child, range(6), chunksize=2).get(PATIENCE)[::2]:
            assert len(found) == len(expected)
        first = pool.map_async(len, [b"ab"]).get(PATIENCE)
    assert first == [2]
    assert made.predict(x, batch_size=64, verbose=0).tobytes() == expected


IN_THE_MIDDLE = """
import os, sys, threading, time
import numpy as np
from elman import Sequential
from elman.layers import LSTM, Dense, Input

model = Sequential([Input((None, 8)), LSTM(64), Dense(2)])
model.compile("sgd", "mse")
x = np.ones((64, 50, 8), "float32")
wanted = model.predict(x, verbose=0)


def work():
    while True:
        model.predict(x, verbose=0)


for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
for _ in range(10 if sys.argv[1] == "fork" else 0):
    time.sleep(0.02)
    if (child := os.fork()) == 0:
        os._exit(0 if np.array_equal(model.predict(x, verbose=0), wanted) else 3)
    assert os.waitpid(child, 0)[1] == 0
time.sleep(0.3)
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("then", ["fork", "exit"])
def test_other_threads_may_be_in_the_middle_of_a_run(then, threads):
    """A child finds the model free; at exit a thread that comes back waits, and ends with the process."""
    path = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-c", IN_THE_MIDDLE, then]
    environment = {**os.environ, "PYTHONPATH": path, "ELMAN_NUM_THREADS": threads}
    run = subprocess.run(command, env=environment, timeout=PATIENCE, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


WITHOUT_THREADS = """
import os, resource, warnings
import numpy as np
from elman import Sequential, set_seed
from elman.layers import LSTM, Dense, Input

set_seed(1)
model = Sequential([Input((20, 8)), LSTM(64), Dense(2)], seed=3)
model.compile("sgd", "mse")
x = np.linspace(-1, 1, 256 * 160, dtype="float32").reshape(256, 20, 8)
y = x[:, 0, :2]
model.fit(x[:1], y[:1], epochs=0, verbose=0)
model.predict(x[:1], verbose=0)
if os.environ["ELMAN_NUM_THREADS"] != "1":
    if os.getuid() == 0:
        os.setuid(65534)  # who may do everything has no limits
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        model.fit(x, y, batch_size=128, epochs=2, verbose=0)
    print(model.predict(x, batch_size=256, verbose=0).tobytes().hex())
print(*(f"{w.category.__name__}: {w.message}" for w in caught), sep="|")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of threads are Linux's")
def test_a_process_that_may_start_no_threads_gives_the_same_and_is_told_once():
    path = os.pathsep.join(filter(None, sys.path))

    def run(threads: str) -> list[str]:
        environment = {**os.environ, "PYTHONPATH": path, "ELMAN_NUM_THREADS": threads, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_THREADS], env=environment, timeout=PATIENCE, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        return done.stdout.split("\n")

    (alone, quiet, _), (limited, told, _) = run("1"), run("3")
    assert (limited, quiet) == (alone, "")
    assert told.startswith(
        "ElmanWarning: native: ELMAN_NUM_THREADS must be as many threads as the system starts. Receiv"
    )
    assert "of which 2 were refused" in told and "|" not in told


# ---- signals -------------------------------------------------------------------------------------------------------


def test_a_handler_of_a_signal_may_not_run_the_model_that_runs():
    made, x = model(), np.zeros((32, 10_000, 8), np.float32)
    made.predict(x[:1, :3], verbose=0)
    before = signal.signal(signal.SIGALRM, lambda *_: made.predict(x[:1, :3], verbose=0))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(ExecutorError, match=r"at rest when it is run.*leave a note"):
            made.predict(x, verbose=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert made.predict(x[:1, :3], verbose=0).shape == (1, 2)


def test_a_handler_of_a_signal_may_run_another_model():
    made, other, x, found = model(), model(8), np.zeros((32, 2000, 8), np.float32), []
    before = signal.signal(signal.SIGALRM, lambda *_: found.append(other.predict(x[:1, :3], verbose=0)))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        while not found:
            made.predict(x, verbose=0)
    finally:
        signal.signal(signal.SIGALRM, before)
    np.testing.assert_array_equal(found[0], other.predict(x[:1, :3], verbose=0))


# ---- threads -------------------------------------------------------------------------------------------------------


def test_many_threads_save_to_one_place(tmp_path):
    made, path = model(), tmp_path / "model.safetensors"
    made.save(path)

    def save(i):
        for _ in range(10):
            made.save(path) if i else load_model(path)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(save, range(4))) == [None] * 4
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_many_threads_predict_with_one_model_at_once(monkeypatch, rng):
    monkeypatch.setenv("ELMAN_NUM_THREADS", "2")
    made = model()
    data = [batch(rng, rows=1 + 9 * i, steps=5 + i) for i in range(8)]
    expected = [made.predict(x, verbose=0).tobytes() for x in data]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            found = pool.map(lambda x: made.predict(x, verbose=0).tobytes(), data)
            assert list(found) == expected


def test_models_train_in_threads_beside_each_other(monkeypatch, rng):
    monkeypatch.setenv("ELMAN_NUM_THREADS", "2")
    x, y = batch(rng), np.ones((64, 2), "float32")
    losses: dict[int, list[float]] = {}
    weights = model(32).get_weights()

    def train(i: int) -> None:
        made = model(32)
        made.set_weights(weights)
        losses[i] = made.fit(x, y, batch_size=32, epochs=3, verbose=0).history["loss"]

    train(-1)
    threads = [threading.Thread(target=train, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(losses) == 5
    assert all(found == losses[-1] for found in losses.values())


# ---- memory --------------------------------------------------------------------------------------------------------


def test_a_batch_that_cannot_fit_is_refused_before_anything_is_allocated(monkeypatch, rng):
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", "1000000")
    made = model()
    weights = [w.copy() for w in made.get_weights()]
    text = r"must fit into 1\.0 MiB of memory\. Received a batch of 1 row that needs \d.* Cut the sequences to \d+ % of"
    with pytest.raises(MemoryLimitError, match=text):
        made.fit(batch(rng, steps=2000), np.ones((64, 2)), batch_size=64, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(weights, made.get_weights(), strict=True))
    with pytest.raises(MemoryError, match=r"Received a batch of 64 rows that needs .* Lower batch_size, or cut the"):
        made.predict(batch(rng, steps=20_000), batch_size=64, verbose=0)
    assert np.isfinite(made.fit(batch(rng, steps=10), np.ones((64, 2)), batch_size=64, verbose=0).history["loss"]).all()


def test_memory_that_the_machine_refuses_is_told(rng):
    """No limit of ours is met, yet no machine has so many bytes in one piece."""
    plan = NativeExecutor().compile(
        Graph((x := placeholder("x", (B, 1)),), (ops.matmul(x, ops.swapaxes(x, 0, 1)),)), 1 << 62
    )
    with pytest.raises(MemoryLimitError, match=r"must fit into the memory that is free\. Received a batch of \d+ rows"):
        plan.run([np.zeros((1 << 24, 1), "float32")])
    assert plan.run([np.ones((2, 1), "float32")]).outputs[0].tolist() == [[1, 1], [1, 1]]


# ---- numbers near zero ---------------------------------------------------------------------------------------------


def denormals_live() -> bool:
    """Whether this thread's arithmetic, outside native code, has numbers below the least normal one."""
    return bool((np.array([1e-40], "float32") * np.float32(0.5))[0] > 0)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_denormals_are_flushed_inside_and_restored_after(threads, monkeypatch):
    monkeypatch.setenv("ELMAN_NUM_THREADS", threads)
    made = Sequential([Input((None, 1)), IndRNN(4, activation="linear", return_sequences=True)])
    made.set_weights([np.full(w.shape, 0.5, "float32") for w in made.weights])
    made.layers[-1].cell.bias.assign(np.zeros(4, "float32"))
    x = np.zeros((64, 300, 1), "float32")
    x[:, 0] = 1
    y = made.predict(x, batch_size=64, verbose=0)
    assert (y[:, 120] > 0).all()
    assert not ((y > 0) & (y < np.finfo("float32").tiny)).any()
    assert (y[:, -1] == 0).all()
    assert denormals_live()
    np.testing.assert_array_equal(made.stream().feed(x[0]).reshape(300, 4), y[0])
    assert denormals_live()
    made.compile("sgd", "mse")
    made.fit(x, y, batch_size=64, verbose=0)
    assert denormals_live()


def test_denormals_are_restored_after_an_error():
    table, place = placeholder("table", (3, 2), "float32"), placeholder("place", (4,), "int32")
    plan = NativeExecutor().compile(Graph((table, place), (ops.take(table, place),)))
    with pytest.raises(DataError):
        plan.run([np.zeros((3, 2), "float32"), np.array([0, 1, 2, 7], "int32")])
    assert denormals_live()


# ---- nothing, and much ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "steps"), [(0, 5), (3, 0), (0, 0), (1, 1)])
def test_no_rows_and_no_steps(rows, steps):
    made = Sequential([Input((None, 8)), LSTM(3, return_sequences=True), GRU(2, return_sequences=True)])
    x = np.ones((rows, steps, 8), "float32")
    plan = NativeExecutor().compile(Graph(tuple(made.inputs), tuple(made.outputs)))
    assert plan.run([x]).outputs[0].shape == (rows, steps, 2)
    if rows:
        assert made.predict(x, verbose=0).shape == (rows, steps, 2)
    else:
        with pytest.raises(DataError, match="x must have at least one row"):
            made.predict(x, verbose=0)


def test_sequences_of_length_0_among_others(rng):
    made = Sequential([Input((None, 8)), GRU(3), Dense(1)])
    rows = [batch(rng, 1, n)[0] for n in (0, 4, 1)]
    found = made.predict(rows, verbose=0)
    for row, y in zip(rows, found, strict=True):
        np.testing.assert_array_equal(made.predict(row[None], verbose=0)[0], y)


def test_a_million_steps_are_streamed(rng):
    made = Sequential([Input((None, 1)), SimpleRNN(2)])
    stream = made.stream()
    piece = rng.normal(size=(1, 100_000, 1)).astype("float32")
    for _ in range(10):
        y = stream.feed(piece)
    other = made.stream()
    for part in np.split(np.tile(piece, (1, 10, 1)), 4, axis=1):
        again = other.feed(part)
    np.testing.assert_array_equal(y, again)
