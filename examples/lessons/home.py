"""HOME: after H comes O, after O comes M, after M comes E. The smallest thing a recurrent network can learn.

Run: python examples/lessons/home.py [--output home.png]
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

import elman
from elman.layers import Dense, Input, SimpleRNN

LETTERS = "HOME"


def main(output="home.png"):
    """Returns the word that the network spells when it is given its first letter."""
    elman.set_seed(1)

    # A network reads numbers. One-hot: as many numbers as there are letters, and a single 1 among them.
    one_hot = np.eye(len(LETTERS), dtype="float32")
    x = one_hot[None, [0, 1, 2]]  # (1 sequence, 3 steps, 4 numbers): H O M
    y = np.array([[1, 2, 3]])  # at each step the letter that follows: O M E

    model = elman.Sequential(
        [
            Input((None, len(LETTERS))),  # None: sequences of any length
            SimpleRNN(8, return_sequences=True),  # the memory: eight numbers, renewed at every letter
            Dense(len(LETTERS), activation="softmax"),  # how likely each letter is to come next
        ]
    )
    model.compile(optimizer=elman.optimizers.Adam(0.03), loss="sparse_categorical_crossentropy")
    losses = model.fit(x, y, epochs=100, verbose=0).history["loss"]

    # Now the network spells: its answer is put behind what it has read, and it reads again.
    spelled = [0]
    while len(spelled) < len(LETTERS):
        chances = model.predict(one_hot[None, spelled], verbose=0)[0, -1]
        spelled.append(int(chances.argmax()))
        print(f"{''.join(LETTERS[i] for i in spelled[:-1]):>3} -> {LETTERS[spelled[-1]]}   ({chances.max():.1%} sure)")
    word = "".join(LETTERS[i] for i in spelled)
    print(f"loss {losses[0]:.2f} -> {losses[-1]:.4f}; from H alone it spells {word}")

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    left.semilogy(losses)
    left.set(title="The loss while it learns", xlabel="epoch", ylabel="cross-entropy (nats)")
    right.imshow(model.predict(x, verbose=0)[0], cmap="Blues", vmin=0, vmax=1)
    right.set(title="What it expects after each letter", xlabel="next letter", ylabel="letter read")
    right.set_xticks(range(4), list(LETTERS))
    right.set_yticks(range(3), list(LETTERS[:3]))
    figure.savefig(output)
    plt.close(figure)
    return word


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="home.png")
    main(parser.parse_args().output)
