"""The next character of Shakespeare's plays: an LSTM of two layers, trained on the first 90 %.

Run: python -m benchmarks.tasks.characters --data DATA
"""

from __future__ import annotations

import gzip

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields


def main() -> None:
    """Train on 90 %, measure on the next 5 % and the last 5 %."""
    trial = Trial("tinyshakespeare", "validation loss 1.57 nats in 5 minutes; stretch: 1.50 in 10", size=256, layers=2)
    given = trial.arguments
    path = trial.data / "language_model" / "tinyshakespeare" / "input.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        text = file.read()
    n = len(text)
    train, check, test = text[: n * 90 // 100], text[n * 90 // 100 : n * 95 // 100], text[n * 95 // 100 :]
    reader = fields.Text("char", max_length=None)
    settings = {"batch_size": 32, "window": 128, "learning_rate": 0.004, "dropout": 0.1, "embedding": 64}
    sizes = {"size": given.size, "layers": given.layers, "epochs": 4, "decay": "cosine"}
    model = SequenceModel({"text": reader}, {"text": reader}, **settings | sizes | trial.training)
    model.fit({"text": [train]}, validation_data={"text": [check]})
    trial.learned(model)
    reports = {"validation": model.report_, "test": model.evaluate({"text": [test]})}
    trial.finish(**{f"{part} {name}": value for part, r in reports.items() for name, value in r.model.items()})


if __name__ == "__main__":
    main()
