"""The programs in `examples/` run as they stand; the tutorials do what their pages promise."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run a program in an empty folder, without a screen."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    shown: list[int] = []
    monkeypatch.setattr(
        plt,
        "show",
        lambda: (shown.append(len(plt.gca().lines)), plt.savefig(tmp_path / f"{len(shown)}.png"), plt.close()),
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["example"])

    def run_it(name: str) -> dict[str, Any]:
        return {**runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__"), "shown": shown}

    return run_it


def test_the_sine_tutorial(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = run("tutorial_sine")
    out = capsys.readouterr().out
    assert out.startswith('Model: "sequential')
    assert "Total params: 1,669" in out
    assert len(re.findall(r"50/50 - \w+ - \w+/step - loss: ", out)) == 100
    assert found["predicted"].shape == (1000, 1)
    assert isinstance(found["trainScore"], float)
    assert 0.25 < found["trainScore"] < 0.45  # the noise floor is 1/3
    assert found["shown"] == [1, 3]  # the series; then series, prediction and the line of the split


def test_the_random_walk_tutorial(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = run("tutorial_random_walk")
    losses = found["history"].history["loss"]
    assert len(losses) == 50
    assert losses[-1] < losses[0] / 2
    assert found["X"].shape == (10, 3)
    assert np.isfinite(found["model"].predict(found["X"], verbose=0)).all()
    assert "Epoch 50/50" in capsys.readouterr().out


def test_the_tutorials_differ_from_keras_in_import_lines_alone() -> None:
    for name in ("tutorial_sine", "tutorial_random_walk"):
        lines = (EXAMPLES / f"{name}.py").read_text().split('"""')[2].splitlines()
        ours = [line for line in lines if "elman" in line]
        assert ours
        assert all(line.startswith("from elman") for line in ours)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(p.stem for p in EXAMPLES.glob("*.py") if not p.stem.startswith("tutorial")))
def test_other_examples_run(run: Any, name: str) -> None:
    run(name)
