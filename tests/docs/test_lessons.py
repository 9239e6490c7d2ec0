"""The programs in `examples/lessons/` run as they stand, draw their picture, and teach what they say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

LESSONS = Path(__file__).parents[2] / "examples" / "lessons"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def learn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run a lesson in an empty folder, without a screen; gives what it returns."""
    mpl.use("Agg")
    monkeypatch.chdir(tmp_path)

    def learn_it(name: str) -> Any:
        found = runpy.run_path(str(LESSONS / f"{name}.py"))["main"]()
        assert (tmp_path / f"{name}.png").read_bytes().startswith(PNG)
        return found

    return learn_it


def test_home_is_spelled_from_its_first_letter(learn: Any) -> None:
    assert learn("home") == "HOME"


def test_welcome_prints_the_equations_of_the_network_itself(learn: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said, gap = learn("welcome")
    assert said == "elcome"
    assert gap < 1e-5
    steps = re.findall(r"x_t = .*\n(?:h_t = .*\n)(?:y_t = .*\n)p_t = .*-> (\w)", capsys.readouterr().out)
    assert steps == list("elcome")


def test_a_language_model_says_how_are_you(learn: Any) -> None:
    assert learn("next_word") == "How are you ?"


def test_a_perceptron_separates_two_classes(learn: Any) -> None:
    assert learn("perceptron") > 0.95


def test_xor_needs_a_hidden_layer(learn: Any) -> None:
    without, with_hidden = learn("xor")
    assert without < 4
    assert with_hidden == 4


def test_the_order_of_words_needs_a_recurrent_network(learn: Any) -> None:
    bag, recurrent = learn("jumbled")
    assert bag < 0.6
    assert recurrent > 0.9


def test_tweets_are_told_apart_by_mood(learn: Any, capsys: pytest.CaptureFixture[str]) -> None:
    moods = learn("sentiment")
    assert [found for found, _ in moods.values()] == [meant for _, meant in moods.values()]
    assert "many to one" in capsys.readouterr().out


def test_casa_de_papel_is_a_paper_house(learn: Any) -> None:
    found = learn("translation")
    assert found["casa de papel"] == "paper house"
    assert len(found) == 4


def test_pictures_get_their_captions(learn: Any) -> None:
    found, meant = learn("caption")
    assert len(set(meant)) == 2
    assert found == meant


def test_a_lesson_is_a_program_with_an_output(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mpl.use("Agg")
    monkeypatch.setattr("sys.argv", ["xor.py", "--output", str(tmp_path / "seen.png")])
    runpy.run_path(str(LESSONS / "xor.py"), run_name="__main__")
    assert "4 of 4 right" in capsys.readouterr().out
    assert (tmp_path / "seen.png").read_bytes().startswith(PNG)


def test_every_lesson_is_listed_and_tested() -> None:
    names = sorted(path.stem for path in LESSONS.glob("*.py"))
    assert sorted(re.findall(r"^\| `(\w+)\.py`", (LESSONS / "README.md").read_text(), re.MULTILINE)) == names
    assert sorted(re.findall(r'learn\("(\w+)"\)', Path(__file__).read_text())) == names
