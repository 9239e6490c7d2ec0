"""XOR: either, but not both. No straight line separates the answers; a hidden layer bends the plane.

Run: python examples/lessons/xor.py [--output xor.png]
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

import elman
from elman.layers import Dense, Input

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
XOR = np.array([0, 1, 1, 0], dtype="float32")


def trained(*hidden):
    """A network with these layers between input and answer, trained on the four corners."""
    elman.set_seed(3)
    model = elman.Sequential([Input((2,)), *hidden, Dense(1, activation="sigmoid")])
    model.compile(optimizer=elman.optimizers.Adam(0.05), loss="binary_crossentropy")
    model.fit(CORNERS, XOR, epochs=300, verbose=0)
    return model


def main(output="xor.png"):
    """Returns how many of the four corners are right, without and with a hidden layer."""
    networks = {
        "no hidden layer": trained(),  # sigmoid(w1 x1 + w2 x2 + b): one straight line, at best three corners
        "four hidden units": trained(Dense(4, activation="tanh")),  # four lines, and the answer chooses between them
    }

    figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
    side = np.linspace(-0.5, 1.5, 60, dtype="float32")
    plane = np.stack(np.meshgrid(side, side), axis=-1)  # (60, 60, 2): every point of the plane
    right = []
    for one, (name, model) in zip(axes, networks.items(), strict=True):
        chance = model.predict(CORNERS, verbose=0)[:, 0]
        # "I am undecided" is no answer: a corner counts where the network is at least 60 % sure.
        right.append(int(((XOR == 1) & (chance > 0.6) | (XOR == 0) & (chance < 0.4)).sum()))
        print(f"{name:18} {chance.round(2)}   {right[-1]} of 4 right")
        shades = model.predict(plane.reshape(-1, 2), verbose=0).reshape(60, 60)
        drawn = one.contourf(side, side, shades, np.linspace(0, 1, 11), cmap="RdBu_r")
        one.scatter(*CORNERS.T, c=XOR, cmap="RdBu_r", edgecolors="black", s=160)
        one.set(title=f"{name}: {right[-1]} of 4", xlabel="first", ylabel="second", xticks=(0, 1), yticks=(0, 1))
    figure.colorbar(drawn, ax=axes, label="how likely the answer is 1")
    figure.savefig(output)
    plt.close(figure)
    return tuple(right)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="xor.png")
    main(parser.parse_args().output)
