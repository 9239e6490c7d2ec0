"""How are you ? A language model of four sentences: after "are", what comes depends on how the sentence began.

Run: python examples/lessons/next_word.py [--output next_word.png]
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

import elman
from elman.decoding import Decoder
from elman.layers import GRU, Dense, Embedding, Input

SENTENCES = ["How are you ?", "They are at home .", "Who are they ?", "You are very kind ."]
WORDS = ["<pad>", *sorted({word for sentence in SENTENCES for word in sentence.split()})]


def main(output="next_word.png"):
    """Returns what the network says after "How"."""
    elman.set_seed(1)
    # Each word is a number. Short sentences are filled up with 0, which mask_zero leaves out.
    longest = max(len(sentence.split()) for sentence in SENTENCES)
    ids = np.zeros((len(SENTENCES), longest), dtype="int32")
    for row, sentence in zip(ids, SENTENCES, strict=True):
        row[: len(sentence.split())] = [WORDS.index(word) for word in sentence.split()]
    x, y = ids[:, :-1], ids[:, 1:]  # read all but the last word, answer all but the first

    model = elman.Sequential(
        [
            Input((None,), dtype="int32"),
            Embedding(len(WORDS), 8, mask_zero=True),  # eight numbers a word, learned
            GRU(16, return_sequences=True),  # what has been said so far
            Dense(len(WORDS), activation="softmax"),  # how likely each word is to come next
        ]
    )
    model.compile(optimizer=elman.optimizers.Adam(0.02), loss="sparse_categorical_crossentropy")
    losses = model.fit(x, y, epochs=120, verbose=0).history["loss"]

    # Nobody can know the first word; from there on greedy takes the likeliest word again and again.
    said = Decoder(model).greedy([[WORDS.index("How")]], length=3).rows()[0]
    sentence = " ".join(["How", *(WORDS[i] for i in said)])
    print(f"loss {losses[0]:.2f} -> {losses[-1]:.3f}; it says: {sentence}")

    # The same word "are", read after four beginnings.
    chances = model.predict(x, verbose=0)[:, 1]
    figure, axes = plt.subplots(figsize=(9, 3.6), layout="constrained")
    drawn = axes.imshow(chances, cmap="Blues", vmin=0, vmax=1)
    axes.set(title='The next word after "are" depends on the word before it', xlabel="next word")
    axes.set_xticks(range(len(WORDS)), WORDS, rotation=45)
    axes.set_yticks(range(len(SENTENCES)), [" ".join(one.split()[:2]) + " ..." for one in SENTENCES])
    figure.colorbar(drawn, ax=axes, label="probability")
    figure.savefig(output)
    plt.close(figure)
    return sentence


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="next_word.png")
    main(parser.parse_args().output)
