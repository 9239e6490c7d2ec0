"""A perceptron separates two classes with a straight line: one weight a measurement, and a threshold.

Run: python examples/lessons/perceptron.py [--output perceptron.png]
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

import elman
from elman.layers import Dense, Input


def fruit(rows, seed):
    """Apples and lemons, measured: (roundness, sweetness), and 1 where it is an apple."""
    random = np.random.default_rng(seed)
    apple = np.arange(rows) % 2
    centre = np.where(apple[:, None] == 1, [0.7, 0.7], [0.35, 0.3])
    return random.normal(centre, 0.09).astype("float32"), apple.astype("float32")


def main(output="perceptron.png"):
    """Returns the share of new fruit that is told apart."""
    elman.set_seed(0)
    x, y = fruit(100, seed=0)

    # p = sigmoid(w1 roundness + w2 sweetness + b): above 0.5 an apple. Two weights and a bias, nothing else.
    model = elman.Sequential([Input((2,)), Dense(1, activation="sigmoid")])
    model.compile(optimizer=elman.optimizers.Adam(0.1), loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=60, batch_size=20, verbose=0).history

    # What counts is fruit that it has never seen.
    new, kind = fruit(100, seed=1)
    _, accuracy = model.evaluate(new, kind, verbose=0)
    weights, bias = model.get_weights()
    (w1, w2), b = weights[:, 0], bias[0]
    print(f"apple if {w1:.1f} roundness + {w2:.1f} sweetness > {-b:.1f}")
    print(f"accuracy while learning {history['accuracy'][0]:.0%} -> {history['accuracy'][-1]:.0%}, new {accuracy:.0%}")

    figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
    for one, name, color in ((1, "apple", "tab:red"), (0, "lemon", "gold")):
        axes.scatter(*new[kind == one].T, color=color, edgecolors="black", label=name)
    # On the line the two classes are equally likely: w1 x1 + w2 x2 + b = 0, solved for x2.
    ends = np.array([0.1, 0.9])
    axes.plot(ends, -(b + w1 * ends) / w2, color="black", label="the line it learned")
    axes.set(title=f"New fruit: {accuracy:.0%} right", xlabel="roundness", ylabel="sweetness", ylim=(0, 1))
    axes.legend()
    figure.savefig(output)
    plt.close(figure)
    return accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="perceptron.png")
    main(parser.parse_args().output)
