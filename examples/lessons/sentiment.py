"""Tweets: glad or cross? A dozen sentences, and a model that follows from the types: text in, a category out.

Run: python examples/lessons/sentiment.py [--output sentiment.png]
"""

import argparse

import matplotlib.pyplot as plt

import elman

GLAD = [
    "what a lovely flight thank you",
    "great crew and a great seat",
    "thank you for the quick help",
    "i love this airline",
    "boarding was quick and easy",
    "best flight ever so happy",
]
CROSS = [
    "my bag is lost again",
    "two hours late and no help",
    "worst airline i know",
    "so rude never again",
    "the seat was broken and dirty",
    "i hate waiting for my bag",
]
NEW = {
    "thank you lovely crew": "glad",
    "happy and quick": "glad",
    "so late and so rude": "cross",
    "lost my bag worst day": "cross",
}


def main(output="sentiment.png"):
    """Returns what the model thinks of four new tweets, beside what a person thinks."""
    # Two columns, as in a table: what is said, and what is meant.
    table = {"tweet": [*GLAD, *CROSS], "mood": ["glad"] * 6 + ["cross"] * 6}

    # Text becomes words, words become vectors, a recurrent network reads them, a softmax answers.
    model = elman.SequenceModel(
        {"tweet": "text"}, {"mood": "category"}, size=16, epochs=40, learning_rate=0.01, validation=0, batch_size=4
    )
    model.fit(table)
    model.explain()  # what was built, and why

    chances = model.predict_proba({"tweet": list(NEW)})
    glad = chances[:, model.blueprint_.outputs["mood"].classes.index("glad")]
    found = model.predict({"tweet": list(NEW)})
    for tweet, mood, chance in zip(NEW, found, glad, strict=True):
        print(f"{tweet:24} {mood:6} (glad: {chance:.0%})")

    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    axes.barh(list(NEW), 2 * glad - 1, color=["tab:green" if mood == "glad" else "tab:red" for mood in found])
    axes.axvline(0, color="gray", linestyle="--")
    axes.invert_yaxis()
    axes.set(title="Tweets it has never seen", xlim=(-1.05, 1.05))
    axes.set_xticks((-1, 0, 1), ("cross", "undecided", "glad"))
    figure.savefig(output)
    plt.close(figure)
    return {tweet: (mood, NEW[tweet]) for tweet, mood in zip(NEW, found, strict=True)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="sentiment.png")
    main(parser.parse_args().output)
