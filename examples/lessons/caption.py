"""A cat becomes a sentence: one network looks at the picture, another one writes what it saw, word by word.

Run: python examples/lessons/caption.py [--output caption.png]
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

import elman
from elman.decoding import Decoder
from elman.layers import GRU, Conv2D, Dense, Embedding, Flatten, Input, MaxPooling2D

CAPTIONS = {"cat": "a cat with pointed ears", "dog": "a dog that hangs its ears"}
WORDS = ["<start>", "<end>", *sorted({word for caption in CAPTIONS.values() for word in caption.split()})]
CODES = [[0, *(WORDS.index(word) for word in caption.split()), 1] for caption in CAPTIONS.values()]
LENGTH = max(len(code) for code in CODES)


def drawn(animal, random):
    """A face of 24 x 24 points, here and there and with noise: round head, eyes, and the ears that tell them apart."""
    down, right = np.mgrid[:24, :24]
    y, x = down - 13 - random.integers(-2, 3), right - 12 - random.integers(-2, 3)
    side = np.abs(x)  # left and right are alike
    head = x**2 + y**2 < 36
    pointed = (side > 1) & (side < 7) & (y < -3) & (y > -10) & (side - 4 < (y + 10) / 2) & (4 - side < (y + 10) / 2)
    hanging = ((side - 7) / 2) ** 2 + ((y - 1) / 5) ** 2 < 1
    face = (head | (pointed if animal == "cat" else hanging)) * 0.8
    face[(side - 2.5) ** 2 + (y + 1) ** 2 < 1.5] = 0.1  # eyes
    face[(side < 2) & (y > 1) & (y < 4)] = 0.3  # nose
    return (face + random.normal(0, 0.1, face.shape)).astype("float32")[..., None]


def album(rows, seed):
    """Pictures (rows, 24, 24, 1), and which animal is on each: 0 cat, 1 dog."""
    random = np.random.default_rng(seed)
    animals = np.arange(rows) % 2
    return np.stack([drawn(list(CAPTIONS)[animal], random) for animal in animals]), animals


def main(output="caption.png"):
    """Returns the captions of new pictures, beside the right ones."""
    elman.set_seed(0)
    pictures, animals = album(60, seed=0)
    said = np.array([code + [1] * (LENGTH - len(code)) for code in CODES], "int32")[animals]

    # The eye: patterns of 3 x 3 points, the strongest of each neighbourhood, and 32 numbers that sum the picture up.
    picture = Input((24, 24, 1))
    seen = Dense(32, activation="tanh")(Flatten()(MaxPooling2D(4)(Conv2D(8, 3, activation="relu")(picture))))
    # The voice begins with what was seen, and continues its own sentence.
    words = Input((None,), dtype="int32")
    steps = GRU(32, return_sequences=True)(Embedding(len(WORDS), 16)(words), initial_state=seen)
    model = elman.Model([picture, words], Dense(len(WORDS), activation="softmax")(steps))
    model.compile(optimizer=elman.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
    losses = model.fit([pictures, said[:, :-1]], said[:, 1:], epochs=25, batch_size=10, verbose=0).history["loss"]

    new, really = album(8, seed=1)
    answers = Decoder(model).greedy([[0]] * len(new), [new], length=LENGTH, eos=1).rows()
    found = [" ".join(WORDS[i] for i in row) for row in answers]
    print(f"loss {losses[0]:.2f} -> {losses[-1]:.4f}; a new cat: {found[0]!r}; a new dog: {found[1]!r}")

    figure, axes = plt.subplots(2, 4, figsize=(10, 5.5), layout="constrained")
    for one, image, caption in zip(axes.flat, new, found, strict=True):
        one.imshow(image[..., 0], cmap="gray")
        one.set_title(caption, fontsize=9)
        one.axis("off")
    figure.savefig(output)
    plt.close(figure)
    return found, [CAPTIONS[list(CAPTIONS)[animal]] for animal in really]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="caption.png")
    main(parser.parse_args().output)
