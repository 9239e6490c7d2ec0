"""The tutorial of many blogs: a simple recurrent network learns a noisy sine.

Written for Keras; only the import lines differ from what runs there.

Run: python examples/tutorial_sine.py
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from elman.layers import Dense, SimpleRNN
from elman.models import Sequential

N = 1000
Tp = 800

t = np.arange(0, N)
x = np.sin(0.02 * t) + 2 * np.random.rand(N)
df = pd.DataFrame(x)
plt.plot(df)
plt.show()

values = df.values
train, test = values[0:Tp, :], values[Tp:N, :]

# continue both parts with their last value, so that every value has a window before it
step = 4
test = np.append(test, np.repeat(test[-1,], step))
train = np.append(train, np.repeat(train[-1,], step))


def convertToMatrix(data, step):
    X, Y = [], []
    for i in range(len(data) - step):
        d = i + step
        X.append(data[i:d,])
        Y.append(data[d,])
    return np.array(X), np.array(Y)


trainX, trainY = convertToMatrix(train, step)
testX, testY = convertToMatrix(test, step)
trainX = np.reshape(trainX, (trainX.shape[0], 1, trainX.shape[1]))
testX = np.reshape(testX, (testX.shape[0], 1, testX.shape[1]))

model = Sequential()
model.add(SimpleRNN(units=32, input_shape=(1, step), activation="relu"))
model.add(Dense(8, activation="relu"))
model.add(Dense(12, activation="relu"))
model.add(Dense(8, activation="relu"))
model.add(Dense(1))
model.compile(loss="mean_squared_error", optimizer="rmsprop")
model.summary()

model.fit(trainX, trainY, epochs=100, batch_size=16, verbose=2)
trainPredict = model.predict(trainX)
testPredict = model.predict(testX)
predicted = np.concatenate((trainPredict, testPredict), axis=0)

trainScore = model.evaluate(trainX, trainY, verbose=0)
print(trainScore)

index = df.index.values
plt.plot(index, df)
plt.plot(index, predicted)
plt.axvline(df.index[Tp], c="r")
plt.show()
