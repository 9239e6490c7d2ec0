"""welcome: what happens inside a recurrent network, letter by letter, written out with its three equations.

    h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h)      the new memory, from the letter and the old memory
    y_t = h_t W_hy + b_y                           a score for every letter
    p_t = softmax(y_t) = exp(y_t) / sum exp(y_t)   scores become probabilities

Run: python examples/lessons/welcome.py [--output welcome.png]
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

import elman
from elman.layers import Dense, Input, SimpleRNN

WORD = "welcome"
LETTERS = sorted(set(WORD))  # c e l m o w: six letters for seven places, e comes twice


def forward(x, weights):
    """The three equations, a letter at a time, in NumPy. Gives the memories and the probabilities."""
    w_xh, w_hh, b_h, w_hy, b_y = weights
    h, memories, chances = np.zeros(len(b_h)), [], []  # before the first letter the memory is empty
    for letter in x:
        h = np.tanh(letter @ w_xh + h @ w_hh + b_h)
        y = h @ w_hy + b_y
        p = np.exp(y) / np.exp(y).sum()
        print(f"x_t = {letter.astype(int)}   ({LETTERS[letter.argmax()]})")
        print(f"h_t = {h.round(2)}\ny_t = {y.round(2)}\np_t = {p.round(2)}   -> {LETTERS[p.argmax()]}\n")
        memories.append(h)
        chances.append(p)
    return np.array(memories), np.array(chances)


def main(output="welcome.png"):
    """Returns the letters foretold, and how far our equations are from the network's own answer."""
    elman.set_seed(1)
    ids = np.array([LETTERS.index(letter) for letter in WORD])
    x = np.eye(len(LETTERS), dtype="float32")[ids[:-1]]  # one-hot, (6 steps, 6 letters): w e l c o m

    model = elman.Sequential(
        [Input((None, 6)), SimpleRNN(5, return_sequences=True), Dense(6, activation="softmax")],
    )
    model.compile(optimizer=elman.optimizers.Adam(0.03), loss="sparse_categorical_crossentropy")
    model.fit(x[None], ids[None, 1:], epochs=200, verbose=0)  # the answers: e l c o m e

    memories, chances = forward(x, model.get_weights())
    gap = np.abs(chances - model.predict(x[None], verbose=0)[0]).max()
    said = "".join(LETTERS[i] for i in chances.argmax(axis=1))
    print(f"read {WORD[:-1]}, said {said}; our equations and the network differ by {gap:.0e}")

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for one, values, title in zip(axes, (memories, chances), ("memory h_t", "probabilities p_t"), strict=True):
        drawn = one.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1)
        one.set(title=title, ylabel="letter read")
        one.set_yticks(range(6), list(WORD[:-1]))
    axes[0].set_xlabel("unit")
    axes[1].set_xlabel("next letter")
    axes[1].set_xticks(range(6), LETTERS)
    figure.colorbar(drawn, ax=axes)
    figure.savefig(output)
    plt.close(figure)
    return said, gap


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="welcome.png")
    main(parser.parse_args().output)
