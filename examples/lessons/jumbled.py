"""Jumbled sentences: who counts words cannot tell them from good ones; who reads them in order can.

Run: python examples/lessons/jumbled.py [--output jumbled.png]
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

import elman
from elman.layers import GRU, Dense, Embedding, GlobalAveragePooling1D, Input

WORDS = "the a dog cat man girl sees bites likes hears small old".split()


def sentences(rows, seed):
    """Every sentence comes twice: "the old dog bites a small man", marked 1, and the same words jumbled, marked 0."""
    random = np.random.default_rng(seed)
    kinds = ("the a", "small old", "dog cat man girl", "sees bites likes hears")
    article, adjective, noun, verb = ([WORDS.index(word) for word in kind.split()] for kind in kinds)
    frame = (article, adjective, noun, verb, article, adjective, noun)
    good = np.stack([random.choice(kind, rows) for kind in frame], axis=1)
    jumbled = random.permuted(good, axis=1)
    changed = (good != jumbled).any(axis=1)  # some shuffles change nothing
    x = np.concatenate([good[changed], jumbled[changed]]).astype("int32")
    return x, np.repeat([1.0, 0.0], changed.sum()).astype("float32")


def main(output="jumbled.png"):
    """Returns the share of new sentences judged rightly: by the bag of words, and by the recurrent network."""
    x, y = sentences(500, seed=0)
    new, judged = sentences(300, seed=1)
    readers = {
        "bag of words": GlobalAveragePooling1D(),  # the mean of the words: the same in any order
        "recurrent": GRU(16),  # a memory that takes one word after the other
    }

    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    found = []
    for name, reader in readers.items():
        elman.set_seed(0)
        model = elman.Sequential(
            [Input((7,), dtype="int32"), Embedding(len(WORDS), 8), reader, Dense(1, activation="sigmoid")],
        )
        model.compile(optimizer=elman.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, epochs=15, batch_size=32, validation_data=(new, judged), verbose=0).history
        found.append(history["val_accuracy"][-1])
        print(f"{name:12} {found[-1]:.1%} of the new sentences right")
        axes.plot(range(1, 16), history["val_accuracy"], marker="o", label=name)
    axes.axhline(0.5, color="gray", linestyle="--", label="a coin")
    axes.set(title="In order, or jumbled?", xlabel="epoch", ylabel="new sentences right", ylim=(0.4, 1.02))
    axes.legend()
    figure.savefig(output)
    plt.close(figure)
    return tuple(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="jumbled.png")
    main(parser.parse_args().output)
