"""The command line from columns to columns: text, tags, pictures, sound; a book; configs; mistakes."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from elman.cli.declared import read_lines, read_samples
from elman.tasks import SequenceModel

QUICK = ["--epochs", "2", "--units", "4"]


@pytest.fixture
def reviews(tmp_path) -> Path:
    rows = [(f"a {word} film, number {n}", mood) for n in range(12) for word, mood in (("good", "+"), ("bad", "-"))]
    path = tmp_path / "reviews.csv"
    pd.DataFrame(rows, columns=["review", "mood"]).to_csv(path, index=False)
    return path


@pytest.fixture
def classifier(run, reviews):
    code, out, err = run("train", reviews, "--input", "review", "--target", "mood", *QUICK)
    assert (code, err) == (0, "")
    return out


@pytest.fixture
def book(run) -> str:
    Path("book.txt").write_text("the cat sat on the mat. " * 60, encoding="utf-8")
    code, out, err = run("train", "book.txt", *QUICK)
    assert (code, err) == (0, "")
    return out


def test_training_tells_types_topology_and_scores(classifier):
    for text in (
        "review: text (text: 24 different texts of 5 words)",
        "mood: category (2 different texts in 24 rows)",
        "many to one",
        "most frequent class",
        "model: model.safetensors",
    ):
        assert text in classifier
    files = {path.name for path in Path("runs/model").iterdir()}
    assert files == {"config.toml", "metrics.jsonl", "best.safetensors", "history.png"}


@pytest.mark.usefixtures("classifier")
def test_a_text_a_file_a_table_and_standard_input_are_answered(run, reviews, monkeypatch):
    one = run("predict", "model.safetensors", "a good film")[1]
    assert one.strip() in ("+", "-")
    Path("lines.txt").write_text("a good film\na bad film\n")
    lines = run("predict", "model.safetensors", "lines.txt")[1]
    assert lines.splitlines()[0] == one.strip()
    for named in ([], ["-"]):
        monkeypatch.setattr("sys.stdin", io.StringIO("a good film\na bad film\n"))
        assert run("predict", "model.safetensors", *named)[1] == lines
    code, _, err = run("predict", "model.safetensors", "liens.txt")
    assert (code, "Received file='liens.txt': No such file or directory" in err) == (2, True)
    table = run("predict", "model.safetensors", reviews)[1].splitlines()
    assert (table[0], len(table)) == ("mood", 25)
    assert run("predict", "model.safetensors", reviews, "-o", "answers.csv")[0] == 0
    assert pd.read_csv("answers.csv").mood.tolist() == table[1:]


def test_what_was_learned_before_ctrl_c_is_a_file_of_the_run(run, reviews, monkeypatch):
    def stop(self, epoch, logs=None):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("elman.cli.screen.Progress.on_epoch_end", stop)
        code, out, _ = run("train", reviews, "--input", "review", "--target", "mood", *QUICK)
    assert code
    assert not Path("model.safetensors").exists()
    assert "training did not end; what was learned: runs/model/last.safetensors" in out
    assert run("predict", "runs/model/last.safetensors", "a good film")[1].strip() in ("+", "-")


@pytest.mark.usefixtures("classifier")
def test_a_model_is_scored_drawn_and_summed_up(run, reviews, monkeypatch):
    assert "validation part, 2" in run("evaluate", "model.safetensors")[1]
    assert "given rows, 24" in (told := run("evaluate", "model.safetensors", reviews)[1])
    monkeypatch.setattr("sys.stdin", io.StringIO(reviews.read_text()))
    assert run("evaluate", "model.safetensors", "-")[1] == told
    assert "'review' is a sequence and 'mood' is one class" in run("summary", "model.safetensors")[1]
    for file in ([], [reviews]):
        assert run("plot", "model.safetensors", *file, "-o", "picture.png", "--force")[0] == 0
        assert Path("picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("classifier")
def test_a_cell_without_a_truth_is_no_wrong_answer(run, reviews):
    lines = reviews.read_text().splitlines()
    Path("gap.csv").write_text("\n".join([*lines[:3], lines[3].rpartition(",")[0] + ",", *lines[4:]]))
    code, out, err = run("evaluate", "model.safetensors", "gap.csv")
    assert (code, out) == (2, "")
    assert "'mood' must have a value in every row. Received 'mood'=None: row 2. Fill or drop the row." in err


@pytest.mark.usefixtures("book")
def test_a_book_becomes_a_language_model_that_writes_on(run):
    settings = ["--prompt", "the ", "--length", "20"]
    code, one, _ = run("generate", "model.safetensors", *settings, "--seed", "1")
    assert code == 0
    assert one.startswith("the ")
    assert run("generate", "model.safetensors", *settings, "--seed", "1")[1] == one
    safe = [run("generate", "model.safetensors", *settings, "--temperature", "0", "--seed", n)[1] for n in "12"]
    assert safe[0] == safe[1]
    varied = run("generate", "model.safetensors", *settings, "--temperature", "0", "--repetition-penalty", "9")[1]
    assert varied != safe[0]
    assert "perplexity" in run("evaluate", "model.safetensors", "book.txt")[1]


def test_a_beam_gives_the_best_texts_and_a_language_model_is_heard(run):
    series = ["1 1 1 0 0 0", "0 0 0 1 1 1"] * 12
    pd.DataFrame({"sound": series, "word": ["ab", "ba"] * 12}).to_csv("sounds.csv", index=False)
    run("train", "sounds.csv", "--input", "sound:series", "--target", "word:char", "--epochs", "20", "--units", "8")
    Path("book.txt").write_text("ab\nba\n" * 40, encoding="utf-8")
    run("train", "book.txt", *QUICK, "-o", "book.safetensors")
    code, out, err = run("predict", "model.safetensors", series[0], "--beam", "6", "--best", "3")
    assert (code, err) == (0, "")
    assert len(set(out.strip("\n").split("\t"))) == 3
    code, out, _ = run("predict", "model.safetensors", "1", "--best", "9")
    assert code == 0
    assert sorted(out.strip("\n").split("\t")) == ["", "", "", "", "", "", "", "a", "b"]  # no text has two letters
    code, heard, err = run("predict", "model.safetensors", series[0], "--language-model", "book.safetensors")
    assert (code, err) == (0, "")
    assert set(heard.strip()) <= set("ab")
    code, out, _ = run("predict", "model.safetensors", "sounds.csv", "--best", "2")
    assert out.splitlines()[0] == "word,word 2"
    code, _, err = run("predict", "book.safetensors", "a", "--beam", "2")
    assert (code, "predict: beam must be left out where no text is written" in err) == (2, True)


def test_an_inferred_config_is_edited_and_trained(run, reviews):
    code, out, _ = run("init-config", reviews)
    assert (code, "target: column 'mood'" in out) == (0, True)
    config = tomllib.loads(Path("config.toml").read_text(encoding="utf-8"))
    assert (config["input"], config["target"]) == (["review"], ["mood"])
    assert config["fields"]["review"]["level"] == "word"
    edited = Path("config.toml").read_text(encoding="utf-8").replace('level = "word"', 'level = "char"')
    Path("config.toml").write_text(edited, encoding="utf-8")
    code, out, _ = run("train", "--config", "config.toml", *QUICK)
    assert (code, "ids of characters" in out) == (0, True)
    answers = run("predict", "model.safetensors", reviews)[1]
    assert run("train", "--config", "runs/model/config.toml", "-o", "again.safetensors")[0] == 0
    assert run("predict", "again.safetensors", reviews)[1] == answers


@pytest.mark.parametrize(("first", "second"), [("+", "-"), (1, 0), ("a b", "c.d"), (True, False)])
def test_a_config_has_weights_of_classes(run, first, second):
    pd.DataFrame({"text": ["good", "bad"] * 8, "mood": [first, second] * 8}).to_csv("moods.csv", index=False)
    table = 'file = "moods.csv"\ninput = ["text:text"]\ntarget = ["mood:category"]\n'
    Path("run.toml").write_text(f'{table}[class_weight]\n"{first}" = 2.0\n"{second}" = 1\n')
    assert run("train", "--config", "run.toml", *QUICK)[0] == 0
    assert run("train", "--config", "runs/model/config.toml", "-o", "again.safetensors")[0] == 0
    answers = [run("predict", model, "good")[1] for model in ("model.safetensors", "again.safetensors")]
    assert answers[0] == answers[1]
    Path("run.toml").write_text(f'{table}[class_weight]\n"{first}" = 2.0\n')
    code, _, err = run("train", "--config", "run.toml", *QUICK, "--force")
    assert (code, f"{second!r} has none. Known classes" in err) == (2, True), err


def test_the_config_of_a_book(run):
    Path("book.txt").write_text("so it goes. " * 50)
    assert run("init-config", "book.txt", "-o", "book.toml")[0] == 0
    assert tomllib.loads(Path("book.toml").read_text())["fields"]["text"]["level"] == "char"
    assert run("train", "--config", "book.toml", *QUICK)[0] == 0


def test_tags_stay_aligned_with_their_words(run):
    rows = ["words\ttags\tintent"] + ["fly to New York\tO O B-city I-city\tflight", "list fares\tO O\tfare"] * 6
    Path("slots.tsv").write_text("\n".join(rows) + "\n")
    declared = ["--input", "words:tokens", "--target", "tags:tags", "--target", "intent"]
    assert run("train", "slots.tsv", *declared, *QUICK)[0] == 0
    tags, intent = run("predict", "model.safetensors", "fly to York")[1].rstrip("\n").split("\t")
    assert len(tags.split()) == 3
    assert intent in ("flight", "fare")


def test_words_and_tags_are_seen_without_their_types(run):
    Path("t.csv").write_text("words,ner\nfly to Rome,O O B-city\nRome now,B-city O\nnow,O\n" + "to Oslo,O B-city\n" * 6)
    code, out, err = run("train", "t.csv", "--input", "words", "--target", "ner", *QUICK)
    assert (code, err) == (0, "")
    assert "words: tokens (18 symbols, each with one of 'ner')" in out
    assert "ner: tags (one for each symbol of 'words')" in out
    assert len(run("predict", "model.safetensors", "fly to Rome now")[1].split()) == 4
    code, out, _ = run("train", "t.csv", "--input", "words:text", "--target", "ner", *QUICK, "--force")
    assert (code, "ner: category" in out) == (0, True)
    assert run("init-config", "t.csv")[0] == 0
    kinds = {name: field["kind"] for name, field in tomllib.loads(Path("config.toml").read_text())["fields"].items()}
    assert kinds == {"words": "tokens", "ner": "tags"}


def test_numbers_in_a_cell_are_a_series(run):
    Path("t.csv").write_text('walk,kind\n1 2 3,up\n"[3, 2.5, -1e0]",down\n' + "4;5,up\n7,down\n" * 4)
    code, out, err = run("train", "t.csv", "--input", "walk", "--target", "kind", *QUICK)
    assert (code, err, "walk: series (texts of 2 numbers)" in out) == (0, "", False)
    Path("t.csv").write_text('walk,kind\n1 2 3,up\n"[3, 2.5, -1e0]",down\n7,up\n' + "4;5,up\n7 3 1,down\n" * 4)
    code, out, err = run("train", "t.csv", "--input", "walk", "--target", "kind", *QUICK, "--force")
    assert (code, err, "walk: series (texts of 2 numbers)" in out) == (0, "", True)
    assert run("predict", "model.safetensors", "5 6 7 8")[1].strip() in ("up", "down")


def test_sentences_that_return_are_text_and_what_has_no_steps_is_no_lstm(run):
    rows = [f"a {word} film with {thing},{n % 2}" for n, word in enumerate(("good", "bad")) for thing in "abcdefgh"] * 3
    Path("t.csv").write_text("\n".join(["review,mood", *rows]) + "\n")
    code, out, _ = run("train", "t.csv", "--input", "review", "--target", "mood:category", *QUICK)
    assert (code, "review: text (text: 16 different texts of 5 words)" in out) == (0, True)
    assert [line.split()[0] for line in out.splitlines() if "0." in line][-2:] == ["lstm", "most"]
    out = run("train", "t.csv", "--input", "review:category", "--target", "mood:category", *QUICK, "--force")[1]
    assert [line.split()[0] for line in out.splitlines() if "0." in line][-2:] == ["network", "most"]


def test_pictures_and_sound_come_from_files_beside_the_table(run, tmp_path):
    image = pytest.importorskip("PIL.Image")
    soundfile = pytest.importorskip("soundfile")
    folder = tmp_path / "data"
    folder.mkdir()
    rows = []
    for n in range(8):
        image.fromarray(np.full((6, 6), 200 * (n % 2), "uint8")).save(folder / f"{n}.png")
        soundfile.write(folder / f"{n}.wav", np.sin(np.arange(1600) * (0.1 + n % 2)), 8000)
        rows.append((f"{n}.png", f"{n}.wav", "dark" if n % 2 == 0 else "light"))
    pd.DataFrame(rows, columns=["picture", "sound", "kind"]).to_csv(folder / "index.csv", index=False)
    for column, kind in (("picture", "picture:line"), ("sound", "sound")):
        model = f"{column}.safetensors"
        settings = ["--input", kind, "--target", "kind", *QUICK, "-o", model]
        assert run("train", folder / "index.csv", *settings)[0] == 0
        answer = run("predict", model, folder / rows[0][column == "sound"])[1]
        assert answer.strip() in ("dark", "light")


@pytest.mark.parametrize("between", ["|", " "])
def test_labels_that_were_predicted_are_read_again(run, between):
    names = ["red", "sweet fruit"] if between == "|" else ["fruit", "red"]
    rows = [("an apple", between.join(names)), ("a lemon", names[0]), ("a brick", names[1]), ("a cloud", "")] * 8
    table = pd.DataFrame(rows, columns=["thing", "is"])
    table.to_csv("things.csv", index=False)
    well = ["--epochs", "60", "--units", "16", "--learning-rate", "0.02", "--patience", "60"]
    assert run("train", "things.csv", "--input", "thing:text", "--target", "is:labels", *well)[0] == 0
    assert run("predict", "model.safetensors", "an apple")[1] == f"{rows[0][1]}\n"
    assert run("predict", "model.safetensors", "things.csv", "-o", "answers.csv")[0] == 0
    answers = pd.read_csv("answers.csv", keep_default_na=False)
    assert answers["is"].tolist() == table["is"].tolist()
    answers.assign(thing=table.thing).to_csv("again.csv", index=False)
    code, out, err = run("evaluate", "model.safetensors", "again.csv")
    assert (code, err) == (0, "")
    row = next(line for line in out.splitlines() if line.split()[:1] == ["lstm"])
    assert row.split()[1:] == ["1.0000", "1.0000"]


def test_words_that_pandas_takes_for_nothing_are_words(run):
    Path("words.csv").write_text("word,kind\n" + "null,x\nNone,y\n" * 6)
    assert run("train", "words.csv", "--input", "word:char", "--target", "kind", *QUICK)[0] == 0


def test_classes_that_are_texts_stay_so_where_only_numbers_stand(run):
    Path("zones.csv").write_text("zone,y\n" + "1,up\n2,up\nA,down\n" * 20)
    run("train", "zones.csv", "--input", "zone", "--target", "y", "--epochs", "1", "-o", "zones.safetensors")
    Path("new.csv").write_text("zone\n1\n2\n")
    assert run("predict", "zones.safetensors", "new.csv")[0] == 0


def test_labels_are_no_numbers_beside_rows_without_any(run):
    Path("labels.csv").write_text("word,tags\n" + "a,3\nb,4\nc,\n" * 20)
    out = run("train", "labels.csv", "--input", "word", "--target", "tags:labels", "--epochs", "1")[1]
    assert "2 labels: '3', '4'" in out


def test_codes_keep_their_zeros(run):
    Path("codes.csv").write_text("code,kind\n" + "007,x\n7,y\n" * 8)
    settings = ["--input", "code:category", "--target", "kind", *QUICK, "--epochs", "60", "-o", "codes.safetensors"]
    assert run("train", "codes.csv", *settings)[0] == 0
    Path("ask.csv").write_text("code\n007\n7\n")
    assert run("predict", "codes.safetensors", "ask.csv")[1].split() == ["kind", "x", "y"]


def test_classes_are_those_of_the_training_however_a_file_writes_them(run):
    Path("t.csv").write_text("code,grade\n" + "01,1\n20,2\n20,2\n20,2\n" * 6)
    Path("words.csv").write_text("code,grade\n20,2\n20,2\n20,top\n20,2\n")
    assert run("train", "t.csv", "--input", "code:category", "--target", "grade:category", *QUICK)[0] == 0
    code, out, err = run("evaluate", "model.safetensors", "words.csv")
    assert (code, err) == (0, "")
    assert out.split("most frequent class")[1].split()[0] == "0.7500"
    weights = '[class_weight]\n"01" = 2.0\n"20" = 1.0\n'
    Path("c.toml").write_text(f'input = ["grade:category"]\ntarget = ["code:category"]\n{weights}')
    code, _, err = run("train", "t.csv", "--config", "c.toml", *QUICK, "--force")
    assert code == 0, err


def test_a_long_column_is_of_one_type_all_along(tmp_path):
    (tmp_path / "t.csv").write_text("a\n" + "1\n" * 600_000 + "x\n")
    cells = read_samples(tmp_path / "t.csv", {"a": "category"}, "train")["a"]
    assert {type(cell) for cell in cells} == {str}


def test_a_mark_of_utf8_is_no_letter_and_a_line_ends_where_editors_end_it(run, monkeypatch):
    Path("t.txt").write_bytes("\ufeffone\r\n\ntwo\u2028three\x0cfour\n".encode())
    lines = ["one", "", "two\u2028three\x0cfour"]
    assert read_lines(Path("t.txt"), "predict") == lines
    monkeypatch.setattr("sys.stdin", io.StringIO("\ufeffone\n\ntwo\u2028three\x0cfour"))
    assert read_lines(None, "predict") == lines
    Path("empty.txt").write_text("")
    assert read_lines(Path("empty.txt"), "predict") == []


def test_a_comma_at_the_end_of_every_line_is_no_column(run):
    Path("comma.csv").write_text("word,kind\n" + "ab,x,\ncd,y,\n" * 6)
    assert run("train", "comma.csv", "--input", "word:char", "--target", "kind", *QUICK)[0] == 0


# ---- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("review^mood\na^b\n", "Received column='review': 'bad.csv' has one column, 'review^mood'. Separate them by"),
        (
            "review,mood\na,x,y\nb,x,y\n",
            "its rows have more cells than its header",
        ),
        (
            "review,mood\na,x\nb,\n",
            "Category.fit of 'mood': values must have a value in every row. Received values=None",
        ),
    ],
)
def test_tables_with_mistakes_are_told_by_column(run, table, text):
    Path("bad.csv").write_text(table)
    code, _, err = run("train", "bad.csv", "--input", "review:text", "--target", "mood:category")
    assert (code, text in err) == (2, True), err


def test_a_file_that_is_not_there_is_told_before_all_else(run, reviews):
    Path("model.safetensors").write_bytes(b"")
    for command in ("train", "init-config"):
        code, _, err = run(command, "reviews.cvs", "--input", "review", "--target", "mood")
        assert (code, "Received file='reviews.cvs'. Did you mean 'reviews.csv'?" in err) == (2, True), err


@pytest.mark.usefixtures("classifier")
def test_standard_input_that_is_no_utf8_is_told(run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), "utf-8", errors="surrogateescape"))
    code, _, err = run("predict", "model.safetensors", "-")
    assert (code, "file must be text in UTF-8. Received file='-': byte 0xe9 at 3. Convert it" in err) == (2, True), err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--input", "review"], "train: --target must be given. Received --target=None. Columns: 'review', 'mood'."),
        (["--input", "revue", "--target", "mood"], "Received column='revue'. Did you mean 'review'?"),
        (["--input", "review:txt", "--target", "mood"], "type must be a known name. Received type='txt'. Did you mean"),
        (["--input", "review", "--target", "mood", "--horizon", "3"], "--horizon must be left out where --input is"),
        (
            ["--input", "review:number", "--target", "mood"],
            "Number.fit of 'review': values must be numbers",
        ),
        (["--input", "review:image", "--target", "mood"], "row 0: there is no such file"),
        (["--input", "mood", "--target", "review:tags"], "outputs must be along a sequence that goes in"),
        (
            ["--input", "mood", "--target", "mood"],
            "outputs must be no column that goes in, too. Received",
        ),
        (["--input", "review", "--target", "mood", "--units", "0"], "train: --units must be a whole number from 1."),
    ],
)
def test_columns_that_cannot_be(run, reviews, arguments, text):
    code, _, err = run("train", reviews, *arguments)
    assert (code, text in err) == (2, True), err
    assert "Traceback" not in err
    assert not Path("model.safetensors").exists()
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "read: file must be an existing file. Received file='book.txt'. Check the path."),
        (b"", "Received file='book.txt': it is empty"),
        (
            b"caf\xe9 au lait",
            "file must be text in UTF-8. Received file='book.txt': byte 0xe9 at 3. Convert it to UTF-8",
        ),
        (b"\x89PNG\r\n", "file must be a file of text. Received file='book.txt': it is a PNG picture."),
    ],
)
def test_books_that_cannot_be_read(run, content, text):
    if content is not None:
        Path("book.txt").write_bytes(content)
    code, _, err = run("train", "book.txt")
    assert (code, text in err) == (2, True), err


def test_a_book_is_no_category(run):
    Path("book.txt").write_text("so it goes. " * 50)
    code, _, err = run("train", "book.txt", "--input", "text:category")
    assert code == 2
    assert "type of 'text' must be a kind of text. Received type of 'text'='category'. Read it by letters" in err


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("fields = 3", "train: fields must be a table of columns. Received fields=3. For example [fields.review]"),
        ("fields.review = 'text'", "train: fields must be a table of columns. Received fields={'review': 'text'}."),
        ("input = 3", "train: config, input must be the name of a column, or a list of names. Received"),
        ("dropout = 'x'", "dropout must be a number in [0, 1). Received dropout='x'"),
        ("size = 3", "config must be a known name. Received config='size'"),
        ("[fields.review]\nkind = 'txt'", "config, fields.review: kind must be a known name. Received kind='txt'"),
        (
            "[fields.review]\nkind = 'text'\nlevl = 'char'",
            "fields.review: setting must be a known name",
        ),
    ],
)
def test_configs_that_cannot_be(run, reviews, config, text):
    Path("run.toml").write_text(config)
    code, _, err = run("train", reviews, "--input", "review", "--target", "mood", "--config", "run.toml")
    assert code == 2
    assert text in err


@pytest.mark.usefixtures("classifier")
def test_what_a_model_cannot_do_is_said(run, monkeypatch):
    assert "generate: model must be a language model" in run("generate", "model.safetensors")[2]
    assert (
        "--level must be left out: it is for forecasts" in run("predict", "model.safetensors", "x", "--level", "0.9")[2]
    )
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "predict: input must have a line" in run("predict", "model.safetensors")[2]


def test_several_inputs_need_a_table(run, reviews):
    frame = pd.read_csv(reviews)
    frame.assign(stars=np.linspace(0, 5, len(frame))).to_csv("two.csv", index=False)
    assert run("train", "two.csv", "--input", "review", "--input", "stars", "--target", "mood", *QUICK)[0] == 0
    code, _, err = run("predict", "model.safetensors", "a good film")
    assert code == 2
    assert "input must be a table with the columns 'review', 'stars'. Received input='one text'. Put them into" in err


@pytest.mark.usefixtures("classifier")
def test_bad_lines_and_tables_are_answered_or_named(run, monkeypatch):
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    for text in ("", "never seen", family):
        assert run("predict", "model.safetensors", text)[1].strip() in ("+", "-")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "predict: input must have a line" in run("predict", "model.safetensors")[2]
    Path("latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    assert "text in UTF-8" in run("predict", "model.safetensors", "latin.txt")[2]
    Path("other.csv").write_text("words\na\n")
    assert (
        "column must be a column of the table. Received column='review'"
        in run("predict", "model.safetensors", "other.csv")[2]
    )
    Path("new.csv").write_text("review,mood\na good film,?\n,-\n")
    code, out, err = run("evaluate", "model.safetensors", "new.csv")
    assert (code, err, "accuracy" in out) == (0, "", True)


@pytest.mark.parametrize(
    ("rows", "columns", "code", "text"),
    [
        ([",+", ",-"] * 6, ("x:text", "y"), 0, "accuracy"),
        (["a b,+"], ("x:text", "y:category"), 0, "1 class"),
        (["a b,+"] * 8, ("x:text", "y:category"), 0, "1.0000"),
        (['"1 2 x",a', '"3",b'] * 6, ("x:series", "y"), 2, "sample 0: values must be numbers. Received values='x'"),
        (['"1 2 3",a', ",b"] * 6, ("x:series", "y"), 0, "accuracy"),
        (["a b,O O", "c d,O"] * 6, ("x:tokens", "y:tags"), 2, "one for each step of 'x'. Received 1 for 2: row"),
        (["no.png,a"] * 4, ("x:image", "y"), 2, "there is no such file"),
    ],
)
def test_poor_tables_train_or_are_named(run, rows, columns, code, text):
    Path("t.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    found, out, err = run("train", "t.csv", "--input", columns[0], "--target", columns[1], *QUICK)
    assert (found, text in out + err) == (code, True), out + err


def test_a_book_of_one_letter(run):
    Path("tiny.txt").write_text("a")
    assert run("train", "tiny.txt", *QUICK)[0] == 0
    assert run("generate", "model.safetensors", "--length", "3")[0] == 0


@pytest.mark.parametrize("kind", ["boxes", "xyxy"])
def test_boxes_of_a_picture_stand_in_several_rows(run, tmp_path, kind):
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "faces").mkdir()
    rows = ["file,left,top,width,height" if kind == "boxes" else "file,left,top,right,bottom"]
    for n in range(8):
        pixels = np.zeros((16, 24), "uint8")
        for left in range(0, 8 * (n % 3), 8):
            pixels[4:12, left : left + 8] = 255
            rows.append(f"faces/{n}.png,{left},4,{8 if kind == 'boxes' else left + 8},{8 if kind == 'boxes' else 12}")
        if n % 3 == 0:
            rows.append(f"faces/{n}.png,,,,")
        image.fromarray(pixels).save(tmp_path / "faces" / f"{n}.png")
    (tmp_path / "boxes.csv").write_text("\n".join(rows) + "\n")
    target = ",".join(rows[0].split(",")[1:])
    given = ["--input", "file:image", "--target", f"{target}:{kind}", *QUICK, "--validation", "0.25"]
    code, out, err = run("train", tmp_path / "boxes.csv", *given)
    assert (code, err) == (0, "")
    assert "at most 2 a picture" in out
    code, out, err = run("evaluate", "model.safetensors", tmp_path / "boxes.csv")
    assert (code, err, "mAP@0.5" in out) == (0, "", True)
    code, out, err = run("predict", "model.safetensors", tmp_path / "faces")
    assert (code, err) == (0, "")
    assert [Path(line.split("\t")[0]).name for line in out.splitlines()] == [f"{n}.png" for n in range(8)]


def test_lists_of_a_parquet_file_are_series(run):
    rows = [[1.0, 2.0], [3.0, 1.0], None]
    pd.DataFrame({"wave": rows * 20, "y": ["up", "down", "none"] * 20}).to_parquet("waves.parquet")
    code, _, err = run("train", "waves.parquet", "--input", "wave:series", "--target", "y", "--epochs", "1")
    assert code == 0, err
    assert run("predict", "model.safetensors", "waves.parquet")[1].count("\n") == 61


def test_a_column_says_whose_a_row_is(run, reviews, monkeypatch):
    table = pd.read_csv(reviews).assign(who=lambda one: [f"00{n}" for n in one.index // 4])
    table.to_csv(reviews, index=False)
    told = []
    fit = SequenceModel.fit
    monkeypatch.setattr(
        SequenceModel, "fit", lambda *a, groups=None, **b: told.append(groups) or fit(*a, groups=groups, **b)
    )
    asked = ["train", reviews, "--input", "review", "--target", "mood", *QUICK, "--force"]
    assert run(*asked, "--groups", "who")[0] == 0
    assert told == [table.who.tolist()]
    assert 'groups = "who"' in Path("runs/model/config.toml").read_text()
    assert run(*asked)[0] == 0
    assert told[1] is None
    assert "Received column='whom'. Did you mean 'who'" in run(*asked, "--groups", "whom")[2]
    Path("book.txt").write_text("a text")
    assert "--groups must be left out for a file of text" in run("train", "book.txt", "--groups", "who", "--force")[2]


def test_what_is_for_inputs_is_refused_for_a_forecast(run):
    Path("sales.csv").write_text("n\n" + "1\n2\n" * 40)
    for name, value in (("seconds", "1"), ("groups", "n")):
        code, _, err = run("train", "sales.csv", "--target", "n", f"--{name}", value)
        assert (code, f"train: --{name} must be left out of a forecast" in err) == (2, True)
