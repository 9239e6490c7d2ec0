"""News of sixty words to their headlines, beside the first words of the news.

Run: python -m benchmarks.tasks.summaries --data DATA
"""

from __future__ import annotations

import pandas as pd

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields
from elman.tasks.scoring import rouge_l


def main() -> None:
    """Train on one part, measure on the other."""
    trial = Trial("news_summary", "ROUGE-L above that of the first words of the news, or why not", tested=400)
    folder = trial.data / "summarisation" / "news_summary"
    parts = [pd.read_csv(folder / f"{part}.csv.gz") for part in ("train", "validation")]
    learned, asked = (
        {"news": part["short_text"].tolist(), "headline": part["headline"].tolist()}
        for part in (parts[0], parts[1][: trial.arguments.tested])
    )
    words = fields.Text("bpe", lower=True, max_tokens=1000, max_length=200)
    settings = {"size": 160, "batch_size": 16, "epochs": 10, "learning_rate": 0.003, "dropout": 0.3}
    settings |= {"validation": 0, "beam": 4, "copying": True}
    model = SequenceModel({"news": words}, {"headline": words}, **settings | trial.training)
    model.fit(learned)
    trial.learned(model)
    truth = [headline.lower() for headline in asked["headline"]]
    answers = model.predict(asked)
    length = round(sum(len(h.split()) for h in learned["headline"]) / len(learned["headline"]))
    lead = [" ".join(news.lower().split()[:length]) for news in asked["news"]]
    for headline, answer in list(zip(truth, answers, strict=True))[:3]:
        print(f"  {headline} <- {answer}")
    trial.finish(
        rouge_l=rouge_l(truth, answers),
        first_words_rouge_l=rouge_l(truth, lead),
        first_words=length,
        learned_from=len(learned["news"]),
        tested_on=len(truth),
    )


if __name__ == "__main__":
    main()
