"""casa de papel -> paper house: one network reads, another one writes. Here even the order of the words changes.

Run: python examples/lessons/translation.py [--output translation.png]
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

import elman
from elman.decoding import Decoder
from elman.layers import GRU, Dense, Embedding, Input

THINGS = {"casa": "house", "barco": "boat", "flor": "flower", "avión": "plane", "caja": "box", "mesa": "table"}
STUFFS = {"papel": "paper", "oro": "gold", "madera": "wood", "piedra": "stone", "cristal": "glass", "hielo": "ice"}
SPANISH = ["de", *THINGS, *STUFFS]
ENGLISH = ["<start>", "<end>", *THINGS.values(), *STUFFS.values()]
NEVER_SEEN = ["casa de papel", "barco de oro", "flor de hielo", "mesa de cristal"]


def main(output="translation.png"):
    """Returns the translations of phrases that were not among the lessons."""
    elman.set_seed(1)
    pairs = {f"{t} de {s}": f"{STUFFS[s]} {THINGS[t]}" for t in THINGS for s in STUFFS}
    lessons = [phrase for phrase in pairs if phrase not in NEVER_SEEN]
    source = np.array([[SPANISH.index(w) for w in phrase.split()] for phrase in lessons], "int32")
    target = np.array([[0, *(ENGLISH.index(w) for w in pairs[phrase].split()), 1] for phrase in lessons], "int32")

    # The encoder reads "casa de papel"; all it hands on is its last memory: the thought.
    spanish = Input((None,), dtype="int32")
    thought = GRU(32)(Embedding(len(SPANISH), 16)(spanish))
    # The decoder begins with that thought, reads what it has written so far, and writes the next word.
    written = Input((None,), dtype="int32")
    steps = GRU(32, return_sequences=True)(Embedding(len(ENGLISH), 16)(written), initial_state=thought)
    model = elman.Model([spanish, written], Dense(len(ENGLISH), activation="softmax")(steps))
    model.compile(optimizer=elman.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
    # Teacher forcing: while it learns, what it reads as written is the right translation.
    losses = model.fit([source, target[:, :-1]], target[:, 1:], epochs=80, batch_size=8, verbose=0).history["loss"]

    # Alone it must go on from its own words, from <start> until it says <end>.
    asked = np.array([[SPANISH.index(w) for w in phrase.split()] for phrase in NEVER_SEEN], "int32")
    answers = Decoder(model).greedy([[0]] * len(asked), [asked], length=5, eos=1)
    found = {p: " ".join(ENGLISH[i] for i in row) for p, row in zip(NEVER_SEEN, answers.rows(), strict=True)}
    print(f"loss {losses[0]:.2f} -> {losses[-1]:.4f}; phrases it has never seen:")
    for phrase, said in found.items():
        print(f"  {phrase:16} -> {said}")

    wanted = [ENGLISH.index(w) for w in pairs[NEVER_SEEN[0]].split()]
    chances = model.predict([asked[:1], np.array([[0, *wanted]], "int32")], verbose=0)[0]
    figure, axes = plt.subplots(figsize=(9, 3.5), layout="constrained")
    drawn = axes.imshow(chances, cmap="Blues", vmin=0, vmax=1)
    axes.set(title=f"{NEVER_SEEN[0]}: the next English word", ylabel="written so far", xlabel="next word")
    axes.set_xticks(range(len(ENGLISH)), ENGLISH, rotation=45)
    axes.set_yticks(range(3), ["(nothing)", "paper", "paper house"])
    figure.colorbar(drawn, ax=axes, label="probability")
    figure.savefig(output)
    plt.close(figure)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="translation.png")
    main(parser.parse_args().output)
