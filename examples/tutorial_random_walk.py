"""The second tutorial: the last step of ten short random walks, told from the three before it.

Written for Keras; only the import lines differ from what runs there. X has rank 2: the model adds the axis of its one
feature.

Run: python examples/tutorial_random_walk.py
"""

import numpy as np

from elman import Sequential, layers

np.random.seed(0)
sequences = np.cumsum(np.random.randn(10, 4), axis=1)
X, y = sequences[:, :-1], sequences[:, -1]

model = Sequential(
    [
        layers.SimpleRNN(units=64, activation="tanh", input_shape=(None, 1)),
        layers.Dense(units=1),
    ]
)
model.compile(loss="mean_squared_error", optimizer="adam")
model.summary()

history = model.fit(X, y, epochs=50)
print("first and last loss:", history.history["loss"][0], history.history["loss"][-1])
print("evaluate:", model.evaluate(X, y))
