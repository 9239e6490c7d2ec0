"""The command line: options and their help. What they do stands in the other files of this folder."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from elman.cli import commands, screen
from elman.errors import ElmanError, ElmanWarning

__all__ = ["app", "main"]

app = typer.Typer(
    name="elman",
    help="Recurrent neural networks: declare what goes in and what comes out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file that 'elman train' wrote.")]
Table = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="CSV or Parquet; - for standard input.")]
COLUMN = "COLUMN or COLUMN:type"
Missing = Annotated[str | None, typer.Option(help="Of a forecast: error or interpolate. [as trained]")]
Force = Annotated[bool, typer.Option("--force", help="Write over files that exist.")]


def main() -> None:
    """The `elman` command: errors of elman, and of files, are one message and exit code 2, never a traceback."""
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", ElmanWarning)
    try:
        app()
    except ElmanError as error:
        screen.complain("error", error)
        sys.exit(2)
    except OSError as error:  # of a file that cannot be read or written: a full disk, a name that is too long
        place = f"{str(error.filename)!r}: " if error.filename else ""
        screen.complain("error", f"{place}{error.strerror or error}.")
        sys.exit(2)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as installed

        try:
            screen.say(f"elman {installed('elman')}")
        except PackageNotFoundError:
            screen.say("elman (not installed)")
        raise typer.Exit


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Of data, weights and order.")] = 0,
    window: Annotated[int | None, typer.Option(help="Train a second time, on windows of that length.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture.")] = Path("demo.png"),
) -> None:
    """Train the tutorials' network on a noisy sine, compare it with simpler forecasts, draw it."""
    commands.demo.demo(seed, window, output)


@app.command()
def train(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="CSV, Parquet, or a text to learn.")] = None,
    target: Annotated[list[str] | None, typer.Option(help=f"{COLUMN} that comes out; repeat for several.")] = None,
    input: Annotated[list[str] | None, typer.Option(help=f"{COLUMN} that goes in; repeat. None: a forecast.")] = None,
    time: Annotated[str | None, typer.Option(help="Time column; found by itself; '' counts rows.")] = None,
    id: Annotated[str | None, typer.Option(help="Column that tells several series apart; found, too.")] = None,
    features: Annotated[list[str] | None, typer.Option("--feature", help="Further column to look at; repeat.")] = None,
    horizon: Annotated[int | None, typer.Option(help="Rows to forecast. [12]")] = None,
    window: Annotated[int | None, typer.Option(help="Rows the network sees. [two seasons]")] = None,
    cell: Annotated[str | None, typer.Option(help="simple_rnn, gru or lstm. [lstm]")] = None,
    units: Annotated[int | None, typer.Option(help="Width of each layer. [32; with inputs 128]")] = None,
    layers: Annotated[int | None, typer.Option(help="Recurrent layers. [1]")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share dropped in training. [0]")] = None,
    epochs: Annotated[int | None, typer.Option(help="At most. [150]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Windows in a step. [32]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of Adam. [0.005]")] = None,
    loss: Annotated[str | None, typer.Option(help="[mean_absolute_error]")] = None,
    patience: Annotated[int | None, typer.Option(help="Epochs without progress before it stops. [20]")] = None,
    validation: Annotated[float | None, typer.Option(help="Share or number of the last rows. [0.2]")] = None,
    refit: Annotated[bool | None, typer.Option(help="Train again on all rows. [yes]")] = None,
    scaling: Annotated[str | None, typer.Option(help="standard, minmax, robust or none. [standard]")] = None,
    transform: Annotated[str | None, typer.Option(help="auto, log or none. [auto]")] = None,
    anchor: Annotated[str | None, typer.Option(help="auto, none, last, seasonal or drift. [auto]")] = None,
    season: Annotated[int | None, typer.Option(help="Rows in a season. [from the time column]")] = None,
    calendar: Annotated[bool | None, typer.Option(help="Show the network day, week, year. [yes]")] = None,
    missing: Annotated[str | None, typer.Option(help="error or interpolate. [error]")] = None,
    seconds: Annotated[float | None, typer.Option(help="The most that training with inputs may take.")] = None,
    groups: Annotated[str | None, typer.Option(help="Column that says whose a row is; none is on both sides.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights and order. [0]")] = None,
    holdout: Annotated[int | None, typer.Option(help="Last rows to test on, never learned from. [0]")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with any of these settings.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="[model.safetensors]")] = None,
    force: Force = False,
) -> None:
    """Train a forecaster on a table; with --input any network from columns to columns; on a text a language model.

    Types are category, labels, number, series, text (word, char, bpe), tokens, tags, image, line, audio, video, boxes;
    without one a column's type is guessed and told. Writes a model file and a run folder.
    """
    given: dict[str, Any] = {name: value for name, value in locals().items() if name not in ("config", "force")}
    for name in ("file", "output"):
        given[name] = None if given[name] is None else str(given[name])
    commands.train.train(given, config, force)


@app.command()
def predict(
    model: Model,
    given: Annotated[str | None, typer.Argument(metavar="[TEXT|FILE]", help="Or - for standard input.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="CSV or Parquet. [standard output]")] = None,
    horizon: Annotated[int | None, typer.Option(help="Rows to forecast. [as trained]")] = None,
    level: Annotated[float | None, typer.Option(help="Add an interval that holds this share, as 0.9.")] = None,
    beam: Annotated[int | None, typer.Option(help="Texts kept at every step of writing one. [as trained: 1]")] = None,
    best: Annotated[int | None, typer.Option(help="Give so many texts for each, best first.")] = None,
    length_penalty: Annotated[float | None, typer.Option(help="Of a beam; 0 favours short texts. [0.6]")] = None,
    language_model: Annotated[Path | None, typer.Option(help="A model of texts, heard where speech is read.")] = None,
    language_weight: Annotated[float | None, typer.Option(help="How much it counts. [0.5]")] = None,
    temperature: Annotated[float | None, typer.Option(help="Draw what is written; below 1 safer.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw among so many of the likeliest.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Draw among those that have this share together.")] = None,
    repetition_penalty: Annotated[float | None, typer.Option(help="Above 1: say less twice.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of what is drawn. [0]")] = None,
    missing: Missing = None,
    force: Force = False,
) -> None:
    """Forecast the rows that come next; or answer a text, each line of a file, each row of a table."""
    search = {
        "beam": beam, "n": best, "length_penalty": length_penalty, "language_model": language_model,
        "language_weight": language_weight, "temperature": temperature, "top_k": top_k, "top_p": top_p,
        "repetition_penalty": repetition_penalty, "seed": seed,
    }  # fmt: skip
    commands.forecast.predict(model, given, output, horizon, level, missing, search, force)


@app.command()
def evaluate(model: Model, file: Table = None, missing: Missing = None) -> None:
    """Compare forecasts or answers with what is true, beside the simplest guesses."""
    commands.forecast.evaluate(model, file, missing)


@app.command()
def generate(
    model: Model,
    prompt: Annotated[str, typer.Option(help="What the text begins with.")] = "",
    length: Annotated[int, typer.Option(help="Tokens to write, at most.")] = 200,
    temperature: Annotated[float, typer.Option(help="Below 1 safer, above 1 wilder; 0: no chance at all.")] = 0.8,
    top_k: Annotated[int, typer.Option(help="Choose among so many tokens; 0: all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Choose among those that have this share together.")] = 1.0,
    repetition_penalty: Annotated[float, typer.Option(help="Above 1: what was written becomes less likely.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the choices.")] = 0,
) -> None:
    """Write on from a prompt with a language model."""
    how = {
        "length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed,
        "repetition_penalty": repetition_penalty,
    }  # fmt: skip
    commands.forecast.generate(model, prompt, how)


@app.command("init-config")
def init_config(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, Parquet, or a text.")],
    input: Annotated[list[str] | None, typer.Option(help=f"{COLUMN} that goes in. [a forecast, or all others]")] = None,
    target: Annotated[list[str] | None, typer.Option(help=f"{COLUMN} that comes out. [found by name]")] = None,
    time: Annotated[str | None, typer.Option(help="Time column of a forecast. [found]")] = None,
    id: Annotated[str | None, typer.Option(help="Column that tells several series apart. [found]")] = None,
    horizon: Annotated[int | None, typer.Option(help="Rows to forecast. [12]")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The config.")] = Path("config.toml"),
    force: Force = False,
) -> None:
    """Write the config that training on a file would have, with what it finds of the columns, to be edited."""
    forecast = {"time": time, "id": id, "horizon": horizon}
    commands.init_config.init_config(file, input or [], target or [], forecast, output, force)


@app.command()
def plot(
    model: Model,
    file: Table = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture.")] = Path("forecast.png"),
    level: Annotated[float, typer.Option(help="Share of futures the interval should hold.")] = 0.8,
    missing: Missing = None,
    force: Force = False,
) -> None:
    """Draw the forecast; or the course of training, or answers beside what is true."""
    commands.forecast.plot(model, file, output, level, missing, force)


@app.command()
def summary(model: Model) -> None:
    """Print what a model file holds."""
    commands.forecast.summary(model)


@app.command()
def check() -> None:
    """Train something tiny and say on what it ran."""
    commands.check.check()


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """elman's warnings as one line; a library's are not for the people who use the command."""
    if issubclass(category, ElmanWarning):
        screen.complain("warning", message)
