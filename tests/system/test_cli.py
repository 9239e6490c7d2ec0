"""The command line as people use it: whole commands on files, and one readable line for every mistake."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from elman import Sequential, layers
from elman.cli.tables import read_table
from elman.tasks import Forecaster

AIRLINE = Path(__file__).parents[2] / "examples" / "airline.csv"
QUICK = ["--epochs", "3", "--units", "4", "--cell", "simple_rnn", "--anchor", "last"]


@pytest.fixture
def trained(run):
    code, out, err = run("train", AIRLINE, "--target", "passengers", *QUICK)
    assert (code, "Traceback" in err) == (0, False)
    return out


# ---- the whole way ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("trained")
def test_from_csv_to_forecast(run):
    assert run("predict", "model.safetensors", "-o", "forecast.csv")[0] == 0
    forecast = pd.read_csv("forecast.csv")
    assert forecast.columns.tolist() == ["month", "passengers"]
    assert forecast.month.tolist() == [f"1961-{month:02d}" for month in range(1, 13)]
    code, out, _ = run("predict", "model.safetensors", AIRLINE, "--horizon", "2", "--level", "0.9")
    assert code == 0
    assert out.splitlines()[0] == "month,passengers,passengers_low,passengers_high"
    assert len(out.splitlines()) == 3


@pytest.mark.usefixtures("trained")
def test_the_other_commands(run):
    assert "seasonal naive (12)" in run("evaluate", "model.safetensors")[1]
    assert "part of the training" in run("evaluate", "model.safetensors", AIRLINE)[1]
    assert "forecasts passengers, monthly" in run("summary", "model.safetensors")[1]
    assert run("plot", "model.safetensors", "-o", "picture.png")[0] == 0
    assert Path("picture.png").read_bytes().startswith(b"\x89PNG")
    checked = run("check")[1]
    assert "all is well" in checked
    assert "executor reference" in checked or "executor native, instruction set " in checked
    assert run("--version")[1].startswith("elman ")


def test_a_run_folder_tells_everything(run, trained):
    assert "time: column 'month', as it looks like one" in trained
    folder = Path("runs/model")
    assert {path.name for path in folder.iterdir()} == {
        "config.toml", "metrics.jsonl", "best.safetensors", "last.safetensors", "history.png", "forecast.png",
    }  # fmt: skip
    config = tomllib.loads((folder / "config.toml").read_text())
    assert (config["target"], config["time"], config["cell"], config["seed"]) == (
        ["passengers"],
        "month",
        "simple_rnn",
        0,
    )
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines[0]["epoch"] == 1
    assert {"loss", "val_loss"} <= set(lines[0])
    assert run("predict", folder / "best.safetensors")[1] == run("predict", "model.safetensors")[1]


def test_a_saved_config_trains_the_same_model(run, trained):
    config = Path("runs/model/config.toml")
    assert run("train", "--config", config, "-o", "again.safetensors")[0] == 0
    assert run("predict", "again.safetensors")[1] == run("predict", "model.safetensors")[1]
    assert Path("runs/again").is_dir()


def test_held_out_rows_are_reported_and_not_learned(run):
    _, out, _ = run("train", AIRLINE, "--target", "passengers", "--holdout", "12", *QUICK)
    assert "held-out rows, 12" in out
    assert run("predict", "model.safetensors")[1].splitlines()[1].startswith("1960-01,")


def test_parquet_goes_in_and_out(run):
    pytest.importorskip("pyarrow")
    pd.read_csv(AIRLINE).to_parquet("airline.parquet")
    assert run("train", "airline.parquet", "--target", "passengers", *QUICK)[0] == 0
    assert run("predict", "model.safetensors", "-o", "forecast.parquet")[0] == 0
    assert len(pd.read_parquet("forecast.parquet")) == 12


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_seen(run, separator):
    Path("other.csv").write_text(AIRLINE.read_text().replace(",", separator))
    assert run("train", "other.csv", "--target", "passengers", *QUICK)[0] == 0


def test_the_demo_prints_its_seed_and_its_table(run):
    code, out, _ = run("demo", "--seed", "3", "-o", "demo.png")
    assert code == 0
    for text in (
        "seed 3",
        "simple_rnn",
        "Total params: 1,669",
        "last value",
        "mean of the training part",
        "noise floor",
    ):
        assert text in out
    assert Path("demo.png").read_bytes().startswith(b"\x89PNG")
    row = next(line for line in out.splitlines() if "SimpleRNN, window 4" in line)
    assert 0.30 < float(row.split()[-1]) < 0.50


def test_the_demo_shows_what_a_longer_window_gains(run):
    _, out, _ = run("demo", "--window", "64")
    four, longer = (next(line for line in out.splitlines() if f"SimpleRNN, window {n} " in line) for n in (4, 64))
    assert float(longer.split()[-1]) < float(four.split()[-1])


# ---- standard input --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("trained")
def test_a_forecaster_reads_what_is_piped_into_it(run, monkeypatch):
    expected = run("predict", "model.safetensors", AIRLINE)[1]
    packed = Path("rows.gz")
    packed.write_bytes(gzip.compress(AIRLINE.read_bytes(), mtime=0))
    for path in (AIRLINE, packed):
        for named in ([], ["-"]):
            with path.open() as rows:
                monkeypatch.setattr("sys.stdin", rows)
                assert run("predict", "model.safetensors", *named)[:2] == (0, expected)
    with AIRLINE.open() as rows:
        monkeypatch.setattr("sys.stdin", rows)
        assert "part of the training" in run("evaluate", "model.safetensors", "-")[1]


@pytest.mark.usefixtures("trained")
def test_nothing_on_standard_input_forecasts_what_follows_training(run, monkeypatch):
    expected = run("predict", "model.safetensors")[1]
    monkeypatch.setattr("sys.stdin", None)
    assert run("predict", "model.safetensors")[1] == expected
    Path("nothing").touch()
    with Path("nothing").open() as rows:
        monkeypatch.setattr("sys.stdin", rows)
        assert run("predict", "model.safetensors")[1] == expected
        code, _, err = run("predict", "model.safetensors", "-")
    assert (code, "Received file='-': it is empty" in err) == (2, True)


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"month,passengers\n1961-01,caf\xe9\n", "a table in UTF-8. Received file='-': line 2 has byte 0xe9"),
        (b"month,passengers\n", "Received file='-'"),
        (gzip.compress(b"month,passengers\n", mtime=0)[:-9], "file must be a CSV or Parquet file. Received file='-'"),
        (b"when,passengers\n1961-01,3\n", "time must be a column of the table. Received time='month'"),
    ],
)
def test_standard_input_that_is_no_table_is_told(run, monkeypatch, content, text):
    Path("rows").write_bytes(content)
    with Path("rows").open() as rows:
        monkeypatch.setattr("sys.stdin", rows)
        code, _, err = run("predict", "model.safetensors")
    assert (code, text in err) == (2, True), err


# ---- times -----------------------------------------------------------------------------------------------------------


def daily(pattern="%Y-%m-%d", rows=40):
    days = pd.date_range("2024-01-01", periods=rows)
    return pd.DataFrame({"day": days.strftime(pattern), "y": np.sin(np.arange(rows)) + 3})


def test_days_are_read_in_the_order_they_are_written_in(run):
    daily("%d/%m/%Y").to_csv("days.csv", index=False)
    code, out, _ = run("train", "days.csv", "--target", "y", "--horizon", "2", *QUICK)
    assert (code, "time: column 'day', as it looks like one" in out) == (0, True)
    assert [line.split(",")[0] for line in run("predict", "model.safetensors")[1].split()] == [
        "day",
        "10/02/2024",
        "11/02/2024",
    ]
    assert run("init-config", "days.csv", "--time", "")[0] == 0
    assert tomllib.loads(Path("config.toml").read_text())["time"] == ""


@pytest.mark.parametrize(("separator", "mark"), [(";", ","), ("\t", ","), (";", ".")])
def test_a_comma_may_be_the_point_of_numbers(run, separator, mark):
    daily("%d.%m.%Y").round(3).to_csv("plain.csv", index=False)
    daily("%d.%m.%Y").round(3).assign(z="a,b").to_csv("comma.csv", index=False, sep=separator, decimal=mark)
    for name in ("plain", "comma"):
        assert run("train", f"{name}.csv", "--target", "y", "--horizon", "2", *QUICK, "-o", name)[0] == 0
    assert run("predict", "comma") == run("predict", "plain")
    columns = read_table(Path("comma.csv"), texts=True)
    assert columns.y.dtype.kind == "f"


def test_rows_are_counted_where_one_is_told_so_or_told_of_it(run):
    daily("%d/%m/%Y", 12).to_csv("days.csv", index=False)
    train = ["train", "days.csv", "--target", "y", "--horizon", "2", "--window", "2", "--validation", "0", *QUICK]
    code, _, err = run(*train)
    assert (code, "have a day above 12 in some row" in err) == (2, True)
    assert "or pass time='' to count rows" in err
    assert run(*train, "--time", "")[0] == 0
    assert run("predict", "model.safetensors")[1].startswith("y\n")
    daily("%b %d %Y").to_csv("days.csv", index=False)
    assert (
        "Received time='Jan 01 2024': row 0, column 'day'. Write it as YYYY-MM-DD, or pass" in run(*train, "--force")[2]
    )
    daily("%A").to_csv("days.csv", index=False)
    out = run(*train, "--force")[1]
    assert "time: rows are counted, as no column has times such as 2025-12-31; 'day' has 'Monday'" in out
    daily("%j").to_csv("days.csv", index=False)
    assert "rows are counted, as no column has times such as 2025-12-31; 'day' has '1'" in run(*train, "--force")[1]


def test_gaps_are_filled_in_what_is_given_to_a_model_where_one_says_so(run):
    daily().to_csv("days.csv", index=False)
    daily(rows=60).drop([50, 52]).to_csv("later.csv", index=False)
    assert run("train", "days.csv", "--target", "y", "--horizon", "2", *QUICK)[0] == 0
    code, _, err = run("predict", "model.safetensors", "later.csv")
    assert (code, err.count("Add the row, or set missing='interpolate' to fill it.")) == (2, 1)
    for command in (["predict"], ["evaluate"], ["plot", "-o", "f.png"]):
        assert run(*command, "model.safetensors", "later.csv", "--missing", "interpolate")[0] == 0
    assert "Did you mean 'interpolate'" in run("predict", "model.safetensors", "--missing", "interpolat")[2]


def test_an_index_in_a_file_or_a_model_is_a_column(run):
    table = daily().assign(day=pd.date_range("2024-01-01", periods=40)).set_index("day")
    table.to_parquet("days.parquet")
    assert run("train", "days.parquet", "--target", "y", "--horizon", "2", *QUICK)[0] == 0
    assert run("predict", "model.safetensors")[1].startswith("day,y\n2024-02-10,")
    Forecaster(horizon=2, window=4, units=2, epochs=1).fit(table).save("indexed.safetensors")
    assert run("predict", "indexed.safetensors")[1].startswith("day,y\n2024-02-10,")


# ---- several series, and their config --------------------------------------------------------------------------------


@pytest.fixture
def panel(run) -> Path:
    days = pd.date_range("2020-01-01", periods=40).strftime("%Y-%m-%d").tolist()
    rows = [(key, day, n % 7 + 10 * (key == "b")) for key in "ab" for n, day in enumerate(days)]
    pd.DataFrame(rows, columns=["unique_id", "ds", "y"]).to_csv("panel.csv", index=False)
    return Path("panel.csv")


def test_series_are_told_apart_by_themselves_and_each_holds_its_end_back(run, panel):
    code, out, _ = run("train", panel, "--target", "y", "--horizon", "3", "--holdout", "3", *QUICK)
    assert (code, "id: column 'unique_id', as each of its values has a time once" in out) == (0, True)
    assert "held-out rows, 6" in out
    rows = [line.split(",")[:2] for line in run("predict", "model.safetensors")[1].splitlines()[1:]]
    assert rows == [[key, f"2020-02-{day:02d}"] for key in "ab" for day in (7, 8, 9)]
    assert "--holdout must be between 0 and 39" in run("train", panel, "--target", "y", "--holdout", "40", "--force")[2]


def test_the_config_of_series_is_that_of_their_forecast(run, panel):
    code, out, _ = run("init-config", panel, "--horizon", "5")
    assert (code, "a forecast of 5 rows" in out) == (0, True)
    config = tomllib.loads(Path("config.toml").read_text())
    roles = {name: config[name] for name in ("target", "time", "id", "horizon")}
    assert roles == {"target": "y", "time": "ds", "id": "unique_id", "horizon": 5}
    assert run("train", "--config", "config.toml", *QUICK)[0] == 0
    assert len(run("predict", "model.safetensors")[1].splitlines()) == 1 + 2 * 5
    told = ["--target", "y", "--horizon", "5", *QUICK, "-o", "told.safetensors"]
    assert run("train", panel, *told)[0] == 0
    assert run("predict", "told.safetensors")[1] == run("predict", "model.safetensors")[1]


@pytest.mark.parametrize(
    ("header", "rows", "arguments", "forecast"),
    [
        ("month,sales", ["2020-{:02d},{}"] * 12, [], True),
        ("sales,month", ["{1},2020-{0:02d}"] * 12, [], True),
        ("month,text", ["2020-{:02d},word {}"] * 12, [], False),
        ("size,price", ["{}.5,{}"] * 12, [], False),
        ("size,price", ["{}.5,{}"] * 12, ["--horizon", "2"], True),
        ("month,sales", ["2020-{:02d},{}"] * 12, ["--input", "month"], False),
        ("month,sales", ["2020-{:02d},{}"] * 12, ["--target", "sales:category"], False),
    ],
)
def test_a_config_forecasts_numbers_along_time(run, header, rows, arguments, forecast):
    Path("t.csv").write_text("\n".join([header, *(row.format(n, n) for n, row in enumerate(rows, 1))]) + "\n")
    assert run("init-config", "t.csv", *arguments)[0] == 0
    config = tomllib.loads(Path("config.toml").read_text())
    assert ("horizon" in config, "fields" in config) == (forecast, not forecast)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--input", "ds", "--horizon", "3"], "init-config: --horizon must be left out where columns go in. Received"),
        (["--time", "day"], "init-config: column must be a column of the table. Received column='day'. Known: "),
        (["--target", "unique_id", "--id", "ds"], "--target must be a column of numbers where no --input is given"),
    ],
)
def test_configs_of_series_that_cannot_be(run, panel, arguments, text):
    code, _, err = run("init-config", panel, *arguments)
    assert (code, text in err) == (2, True), err
    assert not Path("config.toml").exists()


# ---- mistakes: one line, exit code 2, nothing lost -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("missing.csv", None, "read: file must be an existing file. Received file='missing.csv'. Check the path."),
        ("sales.cvs", "near", "Did you mean 'sales.csv'?"),
        ("nix.csv", "near", "Received file='nix.csv'. Check the path."),
        ("folder", "folder", "Received file='folder': it is a folder. Pass the file itself; for a folder of"),
        ("empty.csv", b"", "Received file='empty.csv': it is empty."),
        ("header.csv", b"month,passengers\n", "file must have at least one row below its header"),
        (
            "picture.csv",
            b"\x89PNG\x00\x01",
            "Received file='picture.csv': it is a PNG picture. Save the table as CSV (UTF-8) or Parquet.",
        ),
        ("book.csv", b"PK\x03\x04\x14\x00", "it is a zip archive, as Excel's .xlsx is. Save the table as CSV (UTF-8)"),
        ("bytes.csv", b"a\x00\x01", "it holds bytes that are no text. Save the table as CSV (UTF-8) or Parquet."),
        (
            "cut.csv.gz",
            gzip.compress(b"month,passengers\n" + bytes(range(32, 127)) * 40, mtime=0)[:-30],
            "file must be a CSV or",
        ),
        (
            "damaged.csv.gz",
            gzip.compress(b"a,b\n" * 99, mtime=0)[:12] + b"\xff" * 30,
            "file must be a CSV or Parquet file",
        ),
        ("plain.csv.gz", b"a,b\n1,2\n", "file must be a CSV or Parquet file"),
        ("ragged.csv", b"a,b\n1,2\n1,2,3\n", "Received file='ragged.csv': Expected 2 fields in line 3, saw 3. Save"),
        ("open.csv", b'a,b\n"1,2\n', "Received file='open.csv': EOF inside string starting in line 2. Save the table"),
        (
            "latin.csv",
            b"a,passengers\nb,1\n\xe9t\xe9,2\ncaf\xe9,3\n",
            "file must be a table in UTF-8. Received file='latin.csv': line 3 has byte 0xe9 after ''. Convert it; from",
        ),
        ("wide.csv", "a,passengers\nb,1\n".encode("utf-16"), "Received file='wide.csv': it is UTF-16. Save the table"),
        ("fake.parquet", b"no parquet at all", "read: file must be a CSV or Parquet file"),
        ("text.csv", b"month,passengers\n1949-01,x\n1949-02,3\n", "target must be numeric. Received target='x': row 0"),
        (
            "words.csv",
            b"english,passengers\nhi,hola\n",
            "--target must be a column of numbers where no --input is given. Received --target='passengers': it has "
            "'hola'. To learn 'passengers' from other columns say what goes in: --input COLUMN. Others: 'english'.",
        ),
    ],
)
def test_files_that_are_no_table(run, name, content, text):
    if content == "near":
        Path("sales.csv").write_text("a\n1\n")
    elif content == "folder":
        Path(name).mkdir()
    elif content is not None:
        Path(name).write_bytes(content)
    code, _, err = run("train", name, "--target", "passengers")
    assert code == 2
    assert err.startswith("error: ")
    assert text in err
    assert err.count("Received") == 1
    assert "Traceback" not in err
    assert not Path("model.safetensors").exists()
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--target", "passenger"], "target must be a column of the table. Received target='passenger'. Did you mean"),
        ([], "train: --target must be given. Received --target=None. Columns: 'month', 'passengers'. Without"),
        (["--target", "passengers", "--time", "mont"], "Did you mean 'month'?"),
        (["--target", "passengers", "--horizon", "0"], "horizon must be a whole number from 1. Received horizon=0"),
        (
            ["--target", "passengers", "--window", "200"],
            "window must not be longer than the series. Received window=200",
        ),
        (["--target", "passengers", "--cell", "lstn"], "Did you mean 'lstm'?"),
        (["--target", "passengers", "--holdout", "144"], "--holdout must be between 0 and 143"),
        (["--target", "passengers", "-o", "no/model.safetensors"], "output must be in an existing folder"),
        (["--target", "passengers", "--config", "run.toml"], "config must be a TOML file. Received config='run.toml'"),
    ],
)
def test_settings_that_cannot_be(run, arguments, text):
    code, _, err = run("train", AIRLINE, *arguments)
    assert (code, text in err) == (2, True), err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("horizont = 3", "config must be a known name. Received config='horizont'. Did you mean 'horizon'?"),
        ("horizon = ", "config must be a TOML file"),
        ("horizon = 'x'", "horizon must be a whole number from 1. Received horizon='x'"),
    ],
)
def test_configs_that_cannot_be(run, config, text):
    Path("run.toml").write_text(config)
    code, _, err = run("train", AIRLINE, "--target", "passengers", "--config", "run.toml")
    assert (code, text in err) == (2, True), err


@pytest.mark.usefixtures("trained")
def test_nothing_is_written_over_without_force(run):
    before = Path("model.safetensors").read_bytes()
    code, _, err = run("train", AIRLINE, "--target", "passengers", *QUICK)
    assert code == 2
    assert (
        "train: output must not exist yet. Received output='model.safetensors'. Choose another name or pass --force"
        in err
    )
    assert Path("model.safetensors").read_bytes() == before
    Path("forecast.csv").write_text("mine")
    assert run("predict", "model.safetensors", "-o", "forecast.csv")[0] == 2
    assert Path("forecast.csv").read_text() == "mine"
    assert run("predict", "model.safetensors", "-o", "forecast.csv", "--force")[0] == 0
    assert run("train", AIRLINE, "--target", "passengers", *QUICK, "--force")[0] == 0
    assert Path("runs/model-2").is_dir()


@pytest.mark.parametrize("content", [None, b"", b"not a model at all", b"\x08\0\0\0\0\0\0\0{}      "])
def test_model_files_that_are_none(run, content):
    if content is not None:
        Path("model.safetensors").write_bytes(content)
    code, _, err = run("predict", "model.safetensors")
    assert code == 2
    assert err.startswith("error: load: ")
    assert "Traceback" not in err


@pytest.mark.usefixtures("trained")
def test_a_network_is_not_a_forecaster(run):
    code, _, err = run("predict", "runs/model/last.safetensors")
    assert code == 2
    assert "path must be a forecaster's file" in err
    assert "it is a model file. Load a network with elman.load_model" in err


# ---- start-up --------------------------------------------------------------------------------------------------------


def test_the_demo_loads_neither_pandas_nor_pyplot(tmp_path):
    code = (
        "import sys; sys.argv = ['elman', 'demo']\nfrom elman.cli import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "heavy = ('pandas', 'narwhals', 'matplotlib.pyplot', 'safetensors')\n"
        "print('loaded', [name for name in heavy if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, env=environment
    )
    assert ended.stdout.splitlines()[-1] == "loaded []"
    assert ended.stderr == ""


def test_a_number_too_large_to_count_with_is_named_before_anything_is_learned(run):
    lines = AIRLINE.read_text().splitlines()
    Path("huge.csv").write_text("\n".join([*lines[:4], "1949-04,1e300", *lines[5:]]))
    for told in (["--target", "passengers"], ["--target", "passengers", "--input", "month"]):
        code, _, err = run("train", "huge.csv", *told, *QUICK[:4])
        assert (code, Path("model.safetensors").exists()) == (2, False)
        assert "must be numbers up to 3.403e+38. Received" in err
        assert "=1e+300: row 3" in err


@pytest.mark.parametrize("command", [["demo"], ["train", AIRLINE, "--target", "passengers"]])
def test_a_seed_below_zero_is_refused(run, command):
    code, _, err = run(*command, "--seed", "-1")
    assert (code, "seed must be a whole number from 0. Received seed=-1" in err) == (2, True)
    assert not Path("model.safetensors").exists()


@pytest.mark.usefixtures("trained")
def test_a_file_is_what_its_ending_says_or_is_not_written(run):
    for command, name, endings in (
        (["predict"], "f.xlsx", "Endings: .csv, .tsv, .txt (also with .gz behind), .parquet, .pq"),
        (["predict"], "f.parquet.gz", "Endings: .csv"),
        (["plot"], "f.xyz", "Endings: .png, .pdf, .svg"),
        (["plot"], "f.csv", "Endings: .png, .pdf, .svg"),
    ):
        code, _, err = run(*command, "model.safetensors", "-o", name)
        assert (code, Path(name).exists()) == (2, False)
        assert "--output must be a name that ends" in err
        assert f"Received --output={name!r}. {endings}" in err
    code, _, err = run("demo", "-o", "f.xyz")
    assert (code, "demo: --output must be a name that ends in a format of pictures" in err) == (2, True)
    for name, between in (("f.tsv", "\t"), ("f.csv.gz", ","), ("f", ",")):
        assert run("predict", "model.safetensors", "-o", name)[0] == 0
        assert pd.read_csv(name, sep=between).columns.tolist() == ["month", "passengers"]
    assert run("plot", "model.safetensors", "-o", "f.svg")[0] == 0


def test_the_summary_of_a_network_and_of_what_is_none(run):
    network = Sequential([layers.Input((3,)), layers.Dense(2, name="out")])
    network.save("net.safetensors")
    network.save_weights("w.safetensors")
    code, out, _ = run("summary", "net.safetensors")
    assert (code, "out (Dense)" in out) == (0, True)
    for command in ("summary", "evaluate"):
        code, _, err = run(command, "w.safetensors")
        assert (code, "it is a weights file. Build the model and call load_weights." in err) == (2, True)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("holdout = 'x'", "train: --holdout must be a whole number. Received --holdout='x'"),
        ("features = 3", "config, features must be the name of a column, or a list of names. Received"),
        ("target = [3]", "config, target must be the name of a column, or a list of names. Received"),
        ("time = 3", "config, time must be a text. Received config, time=3"),
        ("id = true", "config, id must be a text. Received config, id=True"),
        ("file = 3", "config, file must be a text. Received config, file=3"),
        ("validation = 'a'", "validation must be a share below 1 or a number of rows. Received validation='a'"),
        ("validation = nan", "validation must be a share below 1 or a number of rows. Received validation=nan"),
        ("learning_rate = 'b'", "learning_rate must be a finite number above 0. Received learning_rate='b'"),
        ("refit = 'no'", "refit must be True or False. Received refit='no'"),
    ],
)
def test_settings_of_another_type_are_named(run, line, text):
    settings = {"file": str(AIRLINE), "target": "passengers"}
    lines = [line, *(f"{name} = {value!r}" for name, value in settings.items() if not line.startswith(name))]
    Path("run.toml").write_text("\n".join(lines))
    code, _, err = run("train", "--config", "run.toml")
    assert (code, text in err) == (2, True), err


def test_a_place_where_nothing_can_be_written_is_an_error_before_training_and_never_a_traceback(run, monkeypatch):
    code, _, err = run("train", AIRLINE, "--target", "passengers", "-o", f"{'m' * 300}.safetensors")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("error: ")
    assert err.endswith("File name too long.\n")
    monkeypatch.setattr("os.access", lambda path, mode, **_: mode != os.W_OK)
    code, _, err = run("train", AIRLINE, "--target", "passengers", "-o", "here.safetensors")
    rule = "train: output must be where you may write. Received output='here.safetensors'. Choose another place"
    assert (code, err[: len(rule) + 7], Path("runs").exists()) == (2, f"error: {rule}", False)
