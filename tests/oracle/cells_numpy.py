"""Every cell once more, as a loop over time in plain NumPy: what the traced cells are compared with.

Nothing here is shared with the package. Gates are cut from the weights by number, equations are those of the papers
(see each layer's page), and a step is one call: `STEPS[class name](weights, x (B, F), states, settings)` gives the
output and the new states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]
Step = Callable[[Weights, Array, list[Array], Mapping[str, Any]], tuple[Array, list[Array]]]


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + e^-x)."""
    return np.asarray(1 / (1 + np.exp(-x)))


def cut(x: Array, parts: int) -> list[Array]:
    """Return equal parts of the last axis."""
    return np.split(x, parts, axis=-1)


def affine(w: Weights, x: Array, h: Array) -> Array:
    """Return x W + h U + b."""
    return np.asarray(x @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"])


def simple_rnn(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    h = np.tanh(affine(w, x, s[0]))
    return h, [h]


def gru(w: Weights, x: Array, s: list[Array], settings: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    (h,) = s
    if not settings.get("reset_after", True):
        (wz, wr, wn), (uz, ur, un), (bz, br, bn) = cut(w["kernel"], 3), cut(w["recurrent_kernel"], 3), cut(w["bias"], 3)
        z, r = sigmoid(x @ wz + h @ uz + bz), sigmoid(x @ wr + h @ ur + br)
        h = z * h + (1 - z) * np.tanh(x @ wn + (r * h) @ un + bn)
        return h, [h]
    az, ar, an = cut(x @ w["kernel"] + w["bias"][0], 3)
    bz, br, bn = cut(h @ w["recurrent_kernel"] + w["bias"][1], 3)
    z, r = sigmoid(az + bz), sigmoid(ar + br)
    h = z * h + (1 - z) * np.tanh(an + r * bn)
    return h, [h]


def lstm(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    i, f, g, o = cut(affine(w, x, s[0]), 4)
    c = sigmoid(f) * s[1] + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, [h, c]


def peephole_lstm(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    i, f, g, o = cut(affine(w, x, s[0]), 4)
    pi, pf, po = w["peepholes"]
    c = sigmoid(f + pf * s[1]) * s[1] + sigmoid(i + pi * s[1]) * np.tanh(g)
    h = sigmoid(o + po * c) * np.tanh(c)
    return h, [h, c]


def projection_lstm(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    i, f, g, o = cut(affine(w, x, s[0]), 4)
    c = sigmoid(f) * s[1] + sigmoid(i) * np.tanh(g)
    h = (sigmoid(o) * np.tanh(c)) @ w["projection"]
    return h, [h, c]


def cifg(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    f, g, o = cut(affine(w, x, s[0]), 3)
    c = sigmoid(f) * s[1] + (1 - sigmoid(f)) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, [h, c]


def janet(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    f, g = cut(affine(w, x, s[0]), 2)
    c = sigmoid(f) * s[0] + (1 - sigmoid(f - 1)) * np.tanh(g)
    return c, [c]


def mgu(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    (h,) = s
    (wf, wn), (uf, un), (bf, bn) = cut(w["kernel"], 2), cut(w["recurrent_kernel"], 2), cut(w["bias"], 2)
    f = sigmoid(x @ wf + h @ uf + bf)
    h = (1 - f) * h + f * np.tanh(x @ wn + (f * h) @ un + bn)
    return h, [h]


def mut1(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    (h,) = s
    (wz, wr, wn), (ur, un), (bz, br, bn) = cut(w["kernel"], 3), cut(w["recurrent_kernel"], 2), cut(w["bias"], 3)
    z, r = sigmoid(x @ wz + bz), sigmoid(x @ wr + h @ ur + br)
    h = np.tanh((r * h) @ un + np.tanh(x @ wn) + bn) * z + h * (1 - z)
    return h, [h]


def ind_rnn(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    h = np.maximum(x @ w["kernel"] + w["recurrent_kernel"] * s[0] + w["bias"], 0)
    return h, [h]


def li_gru(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    z, n = cut(affine(w, x, s[0]), 2)
    h = sigmoid(z) * s[0] + (1 - sigmoid(z)) * np.maximum(n, 0)
    return h, [h]


def ugrnn(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    g, c = cut(affine(w, x, s[0]), 2)
    h = sigmoid(g) * s[0] + (1 - sigmoid(g)) * np.tanh(c)
    return h, [h]


def fast_rnn(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    h = sigmoid(w["alpha"]) * np.tanh(affine(w, x, s[0])) + sigmoid(w["beta"]) * s[0]
    return h, [h]


def fast_grnn(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    both = x @ w["kernel"] + s[0] @ w["recurrent_kernel"]
    z, n = sigmoid(both + w["bias"][0]), np.tanh(both + w["bias"][1])
    h = (sigmoid(w["zeta"]) * (1 - z) + sigmoid(w["nu"])) * n + z * s[0]
    return h, [h]


def antisymmetric_rnn(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    u = w["recurrent_kernel"]
    matrix = u - u.T - 0.01 * np.eye(len(u))
    h = s[0] + 0.1 * np.tanh(x @ w["kernel"] + s[0] @ matrix + w["bias"])
    return h, [h]


def co_rnn(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    y, z = s
    uy, uz = np.split(w["recurrent_kernel"], 2)
    z = z + 0.05 * (np.tanh(y @ uy + z @ uz + x @ w["kernel"] + w["bias"]) - 2.7 * y - 4.7 * z)
    y = y + 0.05 * z
    return y, [y, z]


def lem(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    y, z = s
    (v1, v2, vz, vy), (u1, u2, uz, uy), b = cut(w["kernel"], 4), cut(w["recurrent_kernel"], 4), cut(w["bias"], 4)
    p, q = sigmoid(x @ v1 + y @ u1 + b[0]), sigmoid(x @ v2 + y @ u2 + b[1])
    z = (1 - p) * z + p * np.tanh(x @ vz + y @ uz + b[2])
    y = (1 - q) * y + q * np.tanh(x @ vy + z @ uy + b[3])
    return y, [y, z]


def slstm(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    h, c, n, m = s
    i, f, g, o = cut(affine(w, x, h), 4)
    kept = np.log(sigmoid(f)) + m
    m = np.maximum(kept, i)
    c = np.exp(kept - m) * c + np.exp(i - m) * np.tanh(g)
    n = np.exp(kept - m) * n + np.exp(i - m)
    h = sigmoid(o) * c / n
    return h, [h, c, n, m]


def min_gru(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    z, n = cut(x @ w["kernel"] + w["bias"], 2)
    h = (1 - sigmoid(z)) * s[0] + sigmoid(z) * n
    return h, [h]


def min_lstm(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    f, i, n = cut(x @ w["kernel"] + w["bias"], 3)
    f, i = sigmoid(f), sigmoid(i)
    h = f / (f + i) * s[0] + i / (f + i) * n
    return h, [h]


def lru(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    units = len(w["nu"])
    eigenvalues = np.exp(-np.exp(w["nu"]) + 1j * np.exp(w["theta"]))
    b_re, b_im, d = cut(w["kernel"], 3)
    c = w["output_kernel"][:units] - 1j * w["output_kernel"][units:]
    state = eigenvalues * (s[0] + 1j * s[1]) + np.exp(w["log_gamma"]) * (x @ b_re + 1j * (x @ b_im))
    return np.real(state @ c) + x @ d + w["bias"], [state.real, state.imag]


def qrnn(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    c, past = s
    z, f, o = cut(np.concatenate([past, x], 1) @ np.concatenate([w["past_kernel"], w["kernel"]]) + w["bias"], 3)
    c = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(z)
    return sigmoid(o) * c, [c, np.concatenate([past, x], 1)[:, x.shape[1] :]]


def sru(w: Weights, x: Array, s: list[Array], _: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    (c,) = s
    units = c.shape[1]
    n, f, r = (x @ w["kernel"][:, k * units : (k + 1) * units] for k in range(3))
    past = x @ w["kernel"][:, 3 * units :] if w["kernel"].shape[1] > 3 * units else x
    (vf, vr), (bf, br) = w["recurrent_kernel"], w["bias"]
    f, r = sigmoid(f + vf * c + bf), sigmoid(r + vr * c + br)
    c = f * c + (1 - f) * n
    return r * c + (1 - r) * past, [c]


def jordan_rnn(w: Weights, x: Array, s: list[Array], settings: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    y = np.tanh(np.tanh(affine(w, x, s[0])) @ w["output_kernel"] + w["output_bias"])
    decay = settings.get("decay", 0)
    return y, [decay * s[0] + y if decay else y]


def echo_state(w: Weights, x: Array, s: list[Array], settings: Mapping[str, Any]) -> tuple[Array, list[Array]]:
    leak = settings.get("leak", 1.0)
    h = (1 - leak) * s[0] + leak * np.tanh(affine(w, x, s[0]))
    return h, [h]


STEPS: dict[str, Step] = {
    "AntisymmetricRNN": antisymmetric_rnn, "CIFG": cifg, "CoRNN": co_rnn, "EchoState": echo_state,
    "FastGRNN": fast_grnn, "FastRNN": fast_rnn, "GRU": gru, "IndRNN": ind_rnn, "JANET": janet,
    "JordanRNN": jordan_rnn, "LEM": lem, "LRU": lru, "LSTM": lstm, "LiGRU": li_gru, "MGU": mgu, "MUT1": mut1,
    "MinGRU": min_gru, "MinLSTM": min_lstm, "PeepholeLSTM": peephole_lstm, "ProjectionLSTM": projection_lstm,
    "QRNN": qrnn, "SLSTM": slstm, "SRU": sru, "SimpleRNN": simple_rnn, "UGRNN": ugrnn,
}  # fmt: skip


def walk(
    name: str, weights: Weights, x: Array, sizes: Sequence[int], settings: Mapping[str, Any] | None = None,
    zoneout: Sequence[float] | None = None,
) -> tuple[Array, list[Array]]:  # fmt: skip
    """Return all outputs and the last states, from zeros; zoneout, a rate a state, as in use: the mean of old and new.

    Shapes: x (B, T, F) -> (B, T, U); states (B, size) each.
    """
    states = [np.zeros((len(x), size)) for size in sizes]
    outputs = []
    for t in range(x.shape[1]):
        y, made = STEPS[name](weights, x[:, t], states, settings or {})
        rates = zoneout or [0.0] * len(states)
        mixed = [p * old + (1 - p) * new if p else new for p, old, new in zip(rates, states, made, strict=True)]
        twin = next((i for i, new in enumerate(made) if new is y), None)
        outputs.append(y if twin is None else mixed[twin])
        states = mixed
    return np.stack(outputs, 1), states
