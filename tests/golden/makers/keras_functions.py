"""Run activations, losses, regularizers, constraints and initializers of Keras."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import keras
import numpy as np

from . import store
from .store import Spec, spec

# -- activations -------------------------------------------------------------------------------------

ACTIVATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("linear", {}),
    ("relu", {}),
    ("relu", {"negative_slope": 0.2, "max_value": 1.5, "threshold": 0.3}),
    ("relu6", {}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.05}),
    ("elu", {}),
    ("elu", {"alpha": 0.6}),
    ("selu", {}),
    ("celu", {}),
    ("tanh", {}),
    ("sigmoid", {}),
    ("hard_sigmoid", {}),
    ("hard_tanh", {}),
    ("hard_silu", {}),
    ("silu", {}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("mish", {}),
    ("softplus", {}),
    ("softsign", {}),
    ("softmax", {}),
    ("log_softmax", {}),
    ("log_sigmoid", {}),
    ("exponential", {}),
    ("tanh_shrink", {}),
    ("hard_shrink", {}),
    ("soft_shrink", {}),
    ("squareplus", {}),
    ("sparse_plus", {}),
    ("threshold", {"threshold": 0.5, "default_value": 0.1}),
    ("glu", {}),
)

EXTREMES = [
    0.0,
    -0.0,
    1e-30,
    -1e-30,
    1e-6,
    5.0,
    -5.0,
    20.0,
    -20.0,
    90.0,
    -90.0,
    500.0,
    -500.0,
    3e38,
    -3e38,
    np.inf,
    -np.inf,
    np.nan,
]


def make_activations(made_by: dict[str, str]) -> None:
    """Write keras_activations."""
    golden = store.Golden("keras_activations", made_by)
    for name, arguments in ACTIVATIONS:
        function = getattr(keras.activations, name)
        title = ":".join([name, *(f"{key}={value}" for key, value in arguments.items())])
        random = store.generator(title)
        x = store.exact(random.uniform(-4, 4, (6, 8)))
        weight = store.exact(random.uniform(-1, 1, (6, 8 if name != "glu" else 4)))
        y, pull = jax.vjp(functools.partial(function, **arguments), jax.numpy.asarray(x))
        arrays = {
            "input": x,
            "output": y,
            "output_grad": weight,
            "input_grad": pull(jax.numpy.asarray(weight))[0],
        }
        golden.add({"name": title, "activation": name, "arguments": arguments, "shape": [6, 8]}, arrays)
        if not arguments and name not in ("softmax", "log_softmax", "glu"):
            x = store.exact(EXTREMES)
            case = {"name": f"{title}:extreme", "activation": name, "arguments": {}, "shape": [len(x)]}
            if name == "squareplus":
                case["float64_only"] = True  # it squares, and 3e38 has no square in float32
            golden.add(case, {"input": x, "output": function(jax.numpy.asarray(x))})
    golden.save()


# -- losses ------------------------------------------------------------------------------------------

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")
SEQUENCES = ("mean_squared_error", "categorical_crossentropy", "sparse_categorical_crossentropy_logits")
"""The losses tried on sequences, with masks; the first of them with every reduction."""


class Problem(NamedTuple):
    """A loss, and how its targets and predictions are drawn."""

    name: str
    loss: Spec
    targets: str
    predictions: str


def problems() -> Iterator[Problem]:
    """Every loss with every option that changes numbers."""
    yield Problem("mean_squared_error", spec("MeanSquaredError"), "real", "real")
    yield Problem("mean_absolute_error", spec("MeanAbsoluteError"), "real", "real")
    yield Problem("mean_absolute_percentage_error", spec("MeanAbsolutePercentageError"), "real", "real")
    yield Problem("mean_squared_logarithmic_error", spec("MeanSquaredLogarithmicError"), "positive", "positive")
    yield Problem("huber", spec("Huber"), "real", "real")
    yield Problem("huber_delta", spec("Huber", delta=0.4), "real", "real")
    yield Problem("log_cosh", spec("LogCosh"), "real", "real")
    yield Problem("cosine_similarity", spec("CosineSimilarity"), "real", "real")
    yield Problem("poisson", spec("Poisson"), "positive", "positive")
    yield Problem("kl_divergence", spec("KLDivergence"), "simplex", "simplex")
    yield Problem("hinge", spec("Hinge"), "sign", "real")
    yield Problem("squared_hinge", spec("SquaredHinge"), "sign", "real")
    yield Problem("categorical_hinge", spec("CategoricalHinge"), "one_hot", "real")
    yield Problem("binary_crossentropy", spec("BinaryCrossentropy"), "binary", "probability")
    yield Problem("binary_crossentropy_logits", spec("BinaryCrossentropy", from_logits=True), "binary", "real")
    yield Problem(
        "binary_crossentropy_smoothing", spec("BinaryCrossentropy", label_smoothing=0.2), "binary", "probability"
    )
    yield Problem("binary_crossentropy_saturated", spec("BinaryCrossentropy"), "binary", "saturated")
    yield Problem("binary_focal_crossentropy", spec("BinaryFocalCrossentropy"), "binary", "probability")
    balanced = spec("BinaryFocalCrossentropy", apply_class_balancing=True, from_logits=True)
    yield Problem("binary_focal_crossentropy_balanced", balanced, "binary", "real")
    yield Problem("categorical_crossentropy", spec("CategoricalCrossentropy"), "one_hot", "simplex")
    yield Problem("categorical_crossentropy_unnormalized", spec("CategoricalCrossentropy"), "one_hot", "probability")
    yield Problem(
        "categorical_crossentropy_logits", spec("CategoricalCrossentropy", from_logits=True), "one_hot", "real"
    )
    yield Problem(
        "categorical_crossentropy_smoothing", spec("CategoricalCrossentropy", label_smoothing=0.1), "one_hot", "simplex"
    )
    both = spec("CategoricalCrossentropy", label_smoothing=0.1, from_logits=True)
    yield Problem("categorical_crossentropy_logits_smoothing", both, "one_hot", "real")
    yield Problem("categorical_focal_crossentropy", spec("CategoricalFocalCrossentropy"), "one_hot", "simplex")
    yield Problem("sparse_categorical_crossentropy", spec("SparseCategoricalCrossentropy"), "class", "simplex")
    yield Problem(
        "sparse_categorical_crossentropy_logits",
        spec("SparseCategoricalCrossentropy", from_logits=True),
        "class",
        "real",
    )
    ignore = spec("SparseCategoricalCrossentropy", from_logits=True, ignore_class=1)
    yield Problem("sparse_categorical_crossentropy_ignore", ignore, "class", "real")


def draw(kind: str, shape: tuple[int, ...], random: np.random.Generator) -> Any:
    """Draw targets or predictions of one kind; `shape` ends with the classes or features."""
    classes = shape[-1]
    if kind == "real":
        return random.uniform(-2, 2, shape)
    if kind == "positive":
        return random.uniform(0.1, 3, shape)
    if kind == "probability":
        return random.uniform(0.02, 0.98, shape)
    if kind == "saturated":
        return random.choice([0.0, 1.0, 1e-9, 0.5], shape)
    if kind == "simplex":
        values = random.uniform(0.05, 1, shape)
        return values / values.sum(-1, keepdims=True)
    if kind == "binary":
        return random.integers(0, 2, shape)
    if kind == "sign":
        return random.choice([-1.0, 1.0], shape)
    labels = random.integers(0, classes, shape[:-1])
    return np.eye(classes)[labels] if kind == "one_hot" else labels


def add_loss(
    golden: store.Golden,
    problem: Problem,
    title: str,
    shape: tuple[int, ...],
    reduction: str = "",
    weight: str = "",
    mask: bool = False,
) -> None:
    """Evaluate a loss once, with its gradient."""
    title = f"{problem.name}:{title}"
    random = store.generator(title)
    y_true, y_pred = (store.exact(draw(kind, shape, random)) for kind in (problem.targets, problem.predictions))
    config = {**problem.loss["config"], **({"reduction": reduction} if reduction else {})}
    loss = spec(problem.loss["class_name"], "losses", **config)
    arrays: dict[str, Any] = {"y_true": y_true, "y_pred": y_pred}
    if weight:
        arrays["sample_weight"] = store.exact(
            random.uniform(0, 2, shape[:-1] if weight == "steps" else (shape[0], *[1] * (len(shape) - 2)))
        )
    if mask:
        arrays["mask"] = random.random(shape[:-1]) < 0.6
    function = store.build(loss, keras)

    def evaluate(predictions: Any) -> Any:
        if mask:
            keras.src.backend.set_keras_mask(predictions, jax.numpy.asarray(arrays["mask"]))
        return function(jax.numpy.asarray(y_true), predictions, sample_weight=arrays.get("sample_weight"))

    value, pull = jax.vjp(evaluate, jax.numpy.asarray(y_pred))
    arrays |= {"value": value, "y_pred_grad": pull(jax.numpy.ones_like(value))[0]}
    case: dict[str, Any] = {"name": title, "loss": loss, "shape": list(shape), "mask": mask}
    if weight:
        case["sample_weight"] = list(arrays["sample_weight"].shape)
    if problem.predictions == "saturated":
        case["float64_only"] = True  # in float32, 1 - 1e-7 is another number
    golden.add(case, arrays)


def make_losses(made_by: dict[str, str]) -> None:
    """Write keras_losses."""
    golden = store.Golden("keras_losses", made_by)
    for problem in problems():
        add_loss(golden, problem, "default", (4, 3))
        add_loss(golden, problem, "none", (4, 3), "none")
        add_loss(golden, problem, "sample_weight", (4, 3), weight="rows")
        if problem.name in SEQUENCES:
            for reduction in REDUCTIONS if problem.name == "mean_squared_error" else REDUCTIONS[:1]:
                add_loss(golden, problem, f"{reduction}:sequence", (3, 5, 4), reduction)
                add_loss(golden, problem, f"{reduction}:sequence:sample_weight", (3, 5, 4), reduction, "rows")
                add_loss(golden, problem, f"{reduction}:sequence:step_weight", (3, 5, 4), reduction, "steps")
                add_loss(golden, problem, f"{reduction}:sequence:mask", (3, 5, 4), reduction, mask=True)
                add_loss(
                    golden, problem, f"{reduction}:sequence:mask:step_weight", (3, 5, 4), reduction, "steps", mask=True
                )
    golden.save()


# -- regularizers, constraints, initializers ---------------------------------------------------------

REGULARIZERS = (
    spec("L1", "regularizers"),
    spec("L2", "regularizers"),
    spec("L1L2", "regularizers", l1=0.02, l2=0.03),
    spec("L1", "regularizers", l1=0.3),
    spec("L2", "regularizers", l2=0.3),
    spec("L1L2", "regularizers"),
)
CONSTRAINTS = (
    spec("NonNeg", "constraints"),
    spec("UnitNorm", "constraints"),
    spec("UnitNorm", "constraints", axis=1),
    spec("MaxNorm", "constraints", max_value=1),
    spec("MinMaxNorm", "constraints", min_value=0.5, max_value=1.0, rate=0.7),
)


def title_of(described: Spec) -> str:
    """Name a case after its object."""
    return ":".join([described["class_name"], *(f"{key}={value}" for key, value in described["config"].items())])


def make_regularizers(made_by: dict[str, str]) -> None:
    """Write keras_regularizers: regularizers and constraints."""
    golden = store.Golden("keras_regularizers", made_by)
    for described in REGULARIZERS:
        title = title_of(described)
        x = store.exact(store.generator(title).uniform(-1, 1, (4, 3)))
        value, gradient = jax.value_and_grad(store.build(described, keras))(jax.numpy.asarray(x))
        arrays = {"input": x, "value": value, "input_grad": gradient}
        golden.add({"name": title, "regularizer": described, "shape": [4, 3]}, arrays)
    for described in CONSTRAINTS:
        title = title_of(described)
        x = store.exact(store.generator(title).uniform(-1, 1, (4, 3)))
        value = keras.ops.convert_to_numpy(store.build(described, keras)(jax.numpy.asarray(x)))
        golden.add({"name": title, "constraint": described, "shape": [4, 3]}, {"input": x, "value": value})
    golden.save()


EXACT = (
    spec("Zeros", "initializers"),
    spec("Ones", "initializers"),
    spec("Constant", "initializers", value=0.25),
    spec("Identity", "initializers"),
    spec("Identity", "initializers", gain=2.0),
)
TRUNCATED = 0.87962566103423978
"""Standard deviation of a standard normal cut off at two."""
RANDOM: tuple[tuple[Spec, float | None], ...] = (
    (spec("GlorotUniform", "initializers"), (6 / 700) ** 0.5),
    (spec("GlorotNormal", "initializers"), 2 * (2 / 700) ** 0.5 / TRUNCATED),
    (spec("HeUniform", "initializers"), (6 / 400) ** 0.5),
    (spec("HeNormal", "initializers"), 2 * (2 / 400) ** 0.5 / TRUNCATED),
    (spec("LecunUniform", "initializers"), (3 / 400) ** 0.5),
    (spec("LecunNormal", "initializers"), 2 * (1 / 400) ** 0.5 / TRUNCATED),
    (spec("RandomUniform", "initializers"), 0.05),
    (spec("RandomNormal", "initializers"), None),
    (spec("TruncatedNormal", "initializers"), 0.1),
    (spec("RandomUniform", "initializers", minval=-1.0, maxval=1.0), 1.0),
    (spec("RandomNormal", "initializers", mean=1.0, stddev=0.5), None),
    (spec("VarianceScaling", "initializers", scale=2.0, mode="fan_out", distribution="uniform"), (6 / 300) ** 0.5),
    (spec("VarianceScaling", "initializers", scale=1.0, mode="fan_avg", distribution="untruncated_normal"), None),
    (spec("Orthogonal", "initializers"), 1.0),
    (spec("Orthogonal", "initializers", gain=0.5), 0.5),
)


def make_initializers(made_by: dict[str, str]) -> None:
    """Write keras_initializers.json: exact values, or the moments of one draw of (400, 300)."""
    golden = store.Golden("keras_initializers", made_by)
    for described in EXACT:
        values = keras.ops.convert_to_numpy(store.build(described, keras)((4, 3)))
        golden.add(
            {
                "name": title_of(described),
                "initializer": described,
                "shape": [4, 3],
                "exact": True,
                "values": values.tolist(),
            },
            {},
        )
    for described, bound in RANDOM:
        seeded = {**described, "config": {**described["config"], "seed": 7}}
        values = keras.ops.convert_to_numpy(store.build(seeded, keras)((400, 300)))
        case = {
            "name": title_of(described),
            "initializer": described,
            "shape": [400, 300],
            "exact": False,
            "bound": bound,
        }
        moments = {"mean": values.mean(), "std": values.std(), "min": values.min(), "max": values.max()}
        golden.add({**case, **{key: float(value) for key, value in moments.items()}}, {})
    golden.save()
