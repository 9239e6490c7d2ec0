"""Run every layer, with every option that changes numbers, on fixed weights and inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from . import store
from .store import Spec, spec

B, T, F, U = 3, 5, 4, 3

MASKS = {
    "right": [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]],
    "any": [[0, 1, 1, 0, 1], [1, 0, 0, 1, 1], [1, 1, 1, 1, 0]],
    "empty_row": [[1, 1, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]],
    "later": [[1, 0, 1, 0, 1], [1, 0, 0, 0, 0], [1, 1, 1, 1, 0]],
    "left": [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1]],
}

RESET_BEFORE = {
    f"gru_reset_before_{option}"
    for option in (
        "last sequences_states backwards_states no_bias relu hard_sigmoid initial_state one_step mask_right mask_any "
        "mask_empty_row_last mask_any_backwards mask_later_initial_state zero_output_for_mask"
    ).split()
}
"""What of the sweep is run again for GRU's second definition."""


class Case(NamedTuple):
    """One layer, and how it is called."""

    name: str
    layer: Spec
    shapes: tuple[tuple[int, ...], ...] = ((B, T, F),)
    mask: str = ""
    states: tuple[tuple[int, ...], ...] = ()
    vocabulary: int = 0
    stateful: bool = False
    call: Any = None
    masked: tuple[int, ...] = (0,)
    training: bool = False


def recurrent(layer: str, base: str, state_count: int, **fixed: Any) -> Iterator[Case]:
    """Every option of a built-in recurrent layer."""

    def case(option: str, mask: str = "", states: bool = False, shapes: Any = ((B, T, F),), **config: Any) -> Case:
        initial = ((B, U),) * state_count if states else ()
        return Case(f"{base}_{option}", spec(layer, units=U, **{**fixed, **config}), shapes, mask, initial)

    whole = {"return_sequences": True}
    yield case("last")
    yield case("sequences", **whole)
    yield case("sequences_states", **whole, return_state=True)
    yield case("last_states", return_state=True)
    yield case("backwards", go_backwards=True)
    yield case("backwards_sequences", **whole, go_backwards=True)
    yield case("backwards_states", **whole, go_backwards=True, return_state=True)
    yield case("no_bias", **whole, use_bias=False)
    if layer == "SimpleRNN":
        yield case("unroll", **whole, unroll=True)
    yield case("relu", **whole, activation="relu")
    yield case("linear", **whole, activation=None)
    if "recurrent_activation" not in fixed and layer != "SimpleRNN":
        yield case("hard_sigmoid", **whole, recurrent_activation="hard_sigmoid")
    yield case("initial_state", **whole, return_state=True, states=True)
    yield case("initial_state_last", states=True)
    yield case("initial_state_backwards", **whole, go_backwards=True, return_state=True, states=True)
    yield case("one_step", shapes=((B, 1, F),))
    yield case("one_row", **whole, shapes=((1, T, F),))
    yield case("one_feature", **whole, shapes=((B, T, 1),))
    for mask in ("right", "any", "empty_row", "left"):
        yield case(f"mask_{mask}", mask, **whole, return_state=True)
        yield case(f"mask_{mask}_last", mask)
    yield case("mask_any_backwards", "any", **whole, go_backwards=True, return_state=True)
    yield case("mask_right_backwards", "right", **whole, go_backwards=True)
    yield case("mask_any_backwards_last", "any", go_backwards=True)
    # With an initial state, Keras' backends disagree about the output of steps masked before the first real one
    # (TensorFlow: 0, JAX: the state), so no row begins with one.
    yield case("mask_later_initial_state", "later", **whole, return_state=True, states=True)
    yield case("zero_output_for_mask", "any", **whole, return_state=True, zero_output_for_mask=True)
    yield case("zero_output_for_mask_right", "right", **whole, zero_output_for_mask=True)
    yield case("zero_output_for_mask_backwards", "any", **whole, go_backwards=True, zero_output_for_mask=True)
    yield case("zero_output_for_mask_last", "right", zero_output_for_mask=True)
    yield case("stateful", **whole, stateful=True)._replace(stateful=True)


def wrapped_cells() -> Iterator[Case]:
    """Cells under RNN, alone and stacked."""
    simple, gru, lstm = (spec(f"{name}Cell", units=U) for name in ("SimpleRNN", "GRU", "LSTM"))
    wide = spec("LSTMCell", units=4)
    for name, cell in (("simple_rnn", simple), ("gru", gru), ("lstm", lstm)):
        yield Case(f"rnn_{name}_cell", spec("RNN", cell=cell, return_sequences=True, return_state=True))
        yield Case(f"rnn_{name}_cell_mask", spec("RNN", cell=cell, return_sequences=True), mask="any")
    stacks = {
        "simple_rnn": [simple, simple],
        "gru": [gru, gru],
        "lstm": [lstm, wide],
        "mixed": [wide, gru, simple],
    }
    for name, cells in stacks.items():
        stacked = spec("StackedRNNCells", cells=cells)
        yield Case(f"stacked_{name}", spec("RNN", cell=stacked, return_sequences=True))
        yield Case(f"stacked_{name}_mask", spec("RNN", cell=stacked, return_sequences=True), mask="any")
        yield Case(f"stacked_{name}_backwards", spec("RNN", cell=stacked, go_backwards=True))
    yield Case("stacked_list", spec("RNN", cell=[gru, lstm], return_sequences=True))
    yield Case("stacked_gru_states", spec("RNN", cell=[gru, gru], return_sequences=True, return_state=True))


def bidirectional() -> Iterator[Case]:
    """Both directions: every merge mode, masks, states, an unlike backward layer."""
    modes = {"concat": "concat", "sum": "sum", "mul": "mul", "ave": "ave", "none": None}
    for name, state_count in (("SimpleRNN", 1), ("GRU", 1), ("LSTM", 2)):
        stem = {"SimpleRNN": "simple_rnn"}.get(name, name.lower())
        whole = spec(name, units=U, return_sequences=True)
        for mode, value in modes.items() if name == "LSTM" else [("concat", "concat"), ("sum", "sum")]:
            yield Case(f"bidirectional_{stem}_{mode}", spec("Bidirectional", layer=whole, merge_mode=value))
        last = spec("Bidirectional", layer=spec(name, units=U))
        yield Case(f"bidirectional_{stem}_last", last)
        for mask in ("right", "any", "empty_row") if name == "LSTM" else ("any",):
            yield Case(f"bidirectional_{stem}_mask_{mask}", spec("Bidirectional", layer=whole), mask=mask)
            yield Case(f"bidirectional_{stem}_mask_{mask}_last", last, mask=mask)
        states = spec("Bidirectional", layer=spec(name, units=U, return_sequences=True, return_state=True))
        yield Case(f"bidirectional_{stem}_states", states)
        initial = ((B, U),) * (2 * state_count)
        yield Case(f"bidirectional_{stem}_initial_state", states, states=initial)
    zero = spec("LSTM", units=U, return_sequences=True, zero_output_for_mask=True)
    yield Case(
        "bidirectional_lstm_zero_output_for_mask", spec("Bidirectional", layer=zero, merge_mode="sum"), mask="any"
    )
    back = spec("GRU", units=4, return_sequences=True, go_backwards=True)
    unlike = spec("Bidirectional", layer=spec("LSTM", units=U, return_sequences=True), backward_layer=back)
    yield Case("bidirectional_unlike", unlike)
    yield Case("bidirectional_unlike_mask", unlike, mask="any")


def plain() -> Iterator[Case]:
    """Layers without a recurrence."""
    flat, pair = ((B, F),), ((B, T, F), (B, T, F))
    yield Case("dense", spec("Dense", units=U), flat)
    yield Case("dense_relu", spec("Dense", units=U, activation="relu"), flat)
    yield Case("dense_softmax", spec("Dense", units=U, activation="softmax"), flat)
    yield Case("dense_no_bias", spec("Dense", units=U, activation="tanh", use_bias=False), flat)
    yield Case("dense_rank_3", spec("Dense", units=U, activation="sigmoid"))
    yield Case("dense_mask", spec("Dense", units=U), mask="any")
    yield Case("time_distributed_dense", spec("TimeDistributed", layer=spec("Dense", units=U, activation="relu")))
    yield Case("time_distributed_dense_mask", spec("TimeDistributed", layer=spec("Dense", units=U)), mask="any")
    yield Case("time_distributed_lstm", spec("TimeDistributed", layer=spec("LSTM", units=U)), ((2, 3, 4, 2),))
    yield Case("embedding", spec("Embedding", input_dim=7, output_dim=U), ((B, T),), vocabulary=7)
    yield Case(
        "embedding_mask_zero", spec("Embedding", input_dim=7, output_dim=U, mask_zero=True), ((B, T),), vocabulary=7
    )
    for name, config in {
        "": {},
        "_epsilon": {"epsilon": 0.1},
        "_no_center": {"center": False},
        "_no_scale": {"scale": False},
        "_axes": {"axis": [1, 2]},
        "_time": {"axis": 1},
    }.items():
        yield Case(f"layer_normalization{name}", spec("LayerNormalization", **config))
    yield Case("layer_normalization_mask", spec("LayerNormalization"), mask="any")
    yield Case("masking", spec("Masking"), mask="any")
    yield Case("repeat_vector", spec("RepeatVector", n=4), flat)
    yield Case("flatten", spec("Flatten"))
    yield Case("flatten_rank_2", spec("Flatten"), flat)
    yield Case("reshape", spec("Reshape", target_shape=[2, 10]))
    yield Case("reshape_unknown", spec("Reshape", target_shape=[-1, 2]))
    yield Case("permute", spec("Permute", dims=[2, 1]))
    yield Case("permute_rank_4", spec("Permute", dims=[3, 1, 2]), ((2, 3, 4, 2),))
    yield Case("dropout", spec("Dropout", rate=0.5))
    for activation in ("relu", "softmax", "tanh"):
        yield Case(f"activation_{activation}", spec("Activation", activation=activation))
    yield Case("softmax", spec("Softmax"))
    yield Case("elu", spec("ELU", alpha=0.7))
    yield Case("prelu", spec("PReLU"), flat)
    for merge in ("Add", "Multiply", "Average", "Subtract", "Maximum", "Minimum"):
        yield Case(merge.lower(), spec(merge), pair)
    yield Case("add_three", spec("Add"), ((B, F),) * 3)
    yield Case("average_three", spec("Average"), ((B, F),) * 3)
    yield Case("multiply_broadcast", spec("Multiply"), ((B, T, F), (B, T, 1)))
    yield Case("concatenate", spec("Concatenate"), ((B, T, F), (B, T, 2)))
    yield Case("concatenate_time", spec("Concatenate", axis=1), ((B, T, F), (B, 2, F)))
    yield Case("dot_rank_2", spec("Dot", axes=1), ((B, F), (B, F)))
    yield Case("dot_features", spec("Dot", axes=2), ((B, T, F), (B, 2, F)))
    yield Case("dot_axes", spec("Dot", axes=[2, 1]), ((B, T, F), (B, F, 2)))
    yield Case("dot_rank_3_2", spec("Dot", axes=[2, 1]), ((B, T, F), (B, F)))
    yield Case("dot_normalize", spec("Dot", axes=-1, normalize=True), ((B, F), (B, F)))
    yield Case("global_average_pooling_1d", spec("GlobalAveragePooling1D"))
    yield Case("global_average_pooling_1d_mask", spec("GlobalAveragePooling1D"), mask="right")
    yield Case("global_max_pooling_1d", spec("GlobalMaxPooling1D"))


def attention() -> Iterator[Case]:
    """Layers that look from one sequence to another: every option that changes numbers, masks of one and both."""
    pair, three = ((B, T, F), (B, T, F)), ((B, T, F), (B, T, U), (B, T, F))
    scores: dict[str, Any] = {"call": {"return_attention_scores": True}}
    causal: dict[str, Any] = {"call": {"use_causal_mask": True}}
    heads = {"num_heads": 2, "key_dim": 4}  # 1 / sqrt(4): TensorFlow rounds the number to float32
    for name, layer in {
        "attention": spec("Attention"),
        "attention_scale": spec("Attention", use_scale=True),
        "attention_concat": spec("Attention", score_mode="concat", use_scale=True),
        "additive_attention": spec("AdditiveAttention"),
        "additive_attention_no_scale": spec("AdditiveAttention", use_scale=False),
        "multi_head_attention": spec("MultiHeadAttention", **heads),
    }.items():
        yield Case(name, layer, pair, **scores)
        yield Case(f"{name}_key", layer, three, **scores)
        yield Case(f"{name}_causal", layer, pair, **causal)
        yield Case(f"{name}_causal_mask", layer, pair, "later", masked=(1,), **causal)
        for mask in ("right", "any"):  # without scores, a masked query of MultiHeadAttention sees the mean of all
            yield Case(f"{name}_mask_{mask}", layer, pair, mask, masked=(0, 1), **scores)
            yield Case(f"{name}_mask_{mask}_query", layer, pair, mask, **scores)
            yield Case(f"{name}_mask_{mask}_value", layer, pair, mask, masked=(1,), **scores)
    wide = spec("MultiHeadAttention", **heads, value_dim=2, output_shape=5, use_bias=False)
    yield Case("multi_head_attention_sizes", wide, three)
    yield Case("multi_head_attention_gate", spec("MultiHeadAttention", **heads, use_gate=True), pair)
    yield Case("multi_head_attention_window", spec("MultiHeadAttention", **heads, sliding_window=2), pair, **causal)


def windows() -> Iterator[Case]:
    """Convolution and pooling along one axis and two, and batch normalisation in use."""
    line, plane = ((B, 7, F),), ((B, 6, 7, 2),)
    yield Case("conv_1d", spec("Conv1D", filters=U, kernel_size=3), line)
    for padding in ("same", "causal"):
        yield Case(f"conv_1d_{padding}", spec("Conv1D", filters=U, kernel_size=3, padding=padding), line)
        strided = spec("Conv1D", filters=U, kernel_size=4, padding=padding, strides=2)
        yield Case(f"conv_1d_{padding}_strides", strided, line)
        dilated = spec("Conv1D", filters=U, kernel_size=2, padding=padding, dilation_rate=3, use_bias=False)
        yield Case(f"conv_1d_{padding}_dilated", dilated, line)
    yield Case("conv_1d_strides", spec("Conv1D", filters=U, kernel_size=2, strides=3, activation="relu"), line)
    yield Case("conv_1d_groups", spec("Conv1D", filters=4, kernel_size=3, groups=2), line)
    yield Case("conv_2d", spec("Conv2D", filters=U, kernel_size=[3, 2]), plane)
    yield Case("conv_2d_same", spec("Conv2D", filters=U, kernel_size=3, padding="same", activation="tanh"), plane)
    yield Case("conv_2d_strides", spec("Conv2D", filters=U, kernel_size=3, padding="same", strides=2), plane)
    yield Case("conv_2d_dilated", spec("Conv2D", filters=U, kernel_size=2, dilation_rate=[2, 3]), plane)
    for pool in ("Max", "Average"):
        base = pool.lower()
        yield Case(f"{base}_pooling_1d", spec(f"{pool}Pooling1D", pool_size=2), line)
        yield Case(f"{base}_pooling_1d_same", spec(f"{pool}Pooling1D", pool_size=3, strides=2, padding="same"), line)
        yield Case(f"{base}_pooling_2d", spec(f"{pool}Pooling2D", pool_size=[2, 3]), plane)
        yield Case(f"{base}_pooling_2d_same", spec(f"{pool}Pooling2D", pool_size=3, strides=1, padding="same"), plane)
        yield Case(f"global_{base}_pooling_2d", spec(f"Global{pool}Pooling2D"), plane)
    yield Case("up_sampling_1d", spec("UpSampling1D", size=3), line)
    yield Case("up_sampling_2d", spec("UpSampling2D", size=[1, 2]), plane)
    yield Case("zero_padding_2d", spec("ZeroPadding2D", padding=[[1, 0], [2, 3]]), plane)
    yield Case("cropping_2d", spec("Cropping2D", cropping=[[1, 0], [2, 3]]), plane)
    yield Case("depthwise_conv_1d", spec("DepthwiseConv1D", kernel_size=3, padding="same"), line)
    yield Case("depthwise_conv_2d", spec("DepthwiseConv2D", kernel_size=[3, 2], depth_multiplier=2), plane)
    yield Case("separable_conv_1d", spec("SeparableConv1D", filters=U, kernel_size=3, padding="same"), line)
    yield Case("separable_conv_2d", spec("SeparableConv2D", filters=U, kernel_size=3, activation="relu"), plane)
    yield Case("batch_normalization", spec("BatchNormalization"))
    yield Case("batch_normalization_plane", spec("BatchNormalization", axis=2, scale=False), plane)
    yield Case("batch_normalization_training", spec("BatchNormalization", momentum=0.7), training=True)
    yield Case("batch_normalization_training_plane", spec("BatchNormalization", center=False), plane, training=True)
    yield Case("batch_normalization_training_mask", spec("BatchNormalization"), mask="right", training=True)


def joined() -> Iterator[Case]:
    """Several layers in a row: what a mask does on its way."""

    def chain(*layers: Spec) -> Spec:
        return spec("Sequential", "models", layers=list(layers))

    words: dict[str, Any] = {"shapes": ((B, T),), "vocabulary": 7}
    embedding = spec("Embedding", input_dim=7, output_dim=4, mask_zero=True)
    whole = {"units": U, "return_sequences": True}
    dense = spec("Dense", units=2)
    yield Case("embedding_lstm", chain(embedding, spec("LSTM", units=U)), **words)
    yield Case("embedding_lstm_sequences", chain(embedding, spec("LSTM", **whole), dense), **words)
    yield Case(
        "embedding_bidirectional_gru", chain(embedding, spec("Bidirectional", layer=spec("GRU", **whole))), **words
    )
    yield Case("embedding_lstm_lstm", chain(embedding, spec("LSTM", **whole), spec("LSTM", units=2), dense), **words)
    tagged = spec("TimeDistributed", layer=spec("Dense", units=2, activation="softmax"))
    yield Case("embedding_lstm_tags", chain(embedding, spec("LSTM", **whole), tagged), **words)
    yield Case("masking_gru", chain(spec("Masking"), spec("GRU", **whole), spec("SimpleRNN", units=2)), mask="any")
    normalized = chain(spec("Masking"), spec("LSTM", **whole), spec("LayerNormalization"), spec("GRU", units=2))
    yield Case("masking_lstm_layer_normalization_gru", normalized, mask="right")
    decoder = chain(spec("LSTM", units=U), spec("RepeatVector", n=2), spec("LSTM", **whole), tagged)
    yield Case("encoder_decoder", decoder)
    tutorial = [spec("SimpleRNN", units=4, activation="relu")]
    tutorial += [spec("Dense", units=units, activation="relu") for units in (8, 12, 8)] + [spec("Dense", units=1)]
    yield Case("tutorial", chain(*tutorial), ((B, 1, 4),))


def conv_lstm() -> Iterator[Case]:
    """Convolution within a recurrence, along one axis and two."""
    film, strip = ((2, 4, 5, 6, 2),), ((B, T, 7, 2),)
    yield Case("conv_lstm_1d", spec("ConvLSTM1D", filters=2, kernel_size=3), strip)
    whole: dict[str, Any] = {"padding": "same", "return_sequences": True, "return_state": True}
    yield Case("conv_lstm_1d_whole", spec("ConvLSTM1D", filters=2, kernel_size=3, **whole), strip)
    yield Case("conv_lstm_1d_mask", spec("ConvLSTM1D", filters=2, kernel_size=2, return_sequences=True), strip, "right")
    yield Case("conv_lstm_2d", spec("ConvLSTM2D", filters=2, kernel_size=[2, 3], use_bias=False), film)
    strided = spec("ConvLSTM2D", filters=2, kernel_size=3, strides=2, go_backwards=True, **whole)
    yield Case("conv_lstm_2d_strides", strided, film)


def cases() -> Iterator[Case]:
    """All cases of the file."""
    yield from recurrent("SimpleRNN", "simple_rnn", 1)
    yield from recurrent("GRU", "gru", 1)
    yield from (
        case for case in recurrent("GRU", "gru_reset_before", 1, reset_after=False) if case.name in RESET_BEFORE
    )
    yield from recurrent("LSTM", "lstm", 2)
    yield from wrapped_cells()
    yield from bidirectional()
    yield from plain()
    yield from windows()
    yield from joined()


def weight_values(path: str, shape: tuple[int, ...], random: np.random.Generator) -> Any:
    """Draw a weight: scales around one, all else around zero."""
    low, high = (0.5, 1.5) if "gamma" in path or "variance" in path else (-0.8, 0.8)
    return store.exact(random.uniform(low, high, shape))


def draw_inputs(case: Case, random: np.random.Generator) -> tuple[list[Any], Any]:
    """Draw the inputs; masked steps are zero, so that `Masking` finds the same mask."""
    if case.vocabulary:
        words = random.integers(1, case.vocabulary, case.shapes[0])
        words[1, 3:] = 0
        words[2, 1:] = 0
        return [words.astype(np.int32)], None
    inputs = [store.exact(random.uniform(-1.5, 1.5, shape)) for shape in case.shapes]
    if not case.mask:
        return inputs, None
    mask = np.array(MASKS[case.mask], bool)
    return [value * mask.reshape(*mask.shape, *(1,) * (value.ndim - 2)) for value in inputs], mask


def run(case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """Call the layer forwards and backwards; return its JSON line and its arrays."""
    random = store.generator(case.name)
    inputs, mask = draw_inputs(case, random)
    states = [store.exact(random.uniform(-1, 1, shape)) for shape in case.states]
    keras.utils.clear_session()
    layer = store.build(case.layer, keras)
    tensors = [tf.constant(value) for value in inputs]
    state_tensors = [tf.constant(value) for value in states]
    extra: dict[str, Any] = {"initial_state": state_tensors} if states else case.call or {}
    several = [tensors] if case.layer["class_name"] != "MultiHeadAttention" else tensors
    if states and mask is not None:
        extra["mask"] = tf.constant(mask)  # beside an initial state, Keras does not look for the mask of the input

    def call() -> Any:
        if mask is not None and case.layer["class_name"] not in ("Masking", "Sequential"):  # they find it themselves
            for i in case.masked:  # at each call: MultiHeadAttention takes masks away
                keras.src.backend.set_keras_mask(tensors[i], tf.constant(mask))
        return layer(*(several if len(tensors) > 1 else tensors), training=case.training, **extra)

    call()
    values = [weight_values(weight.path, weight.shape, random) for weight in layer.weights]
    layer.set_weights(values)
    arrays: dict[str, Any] = {f"weight/{i}": value for i, value in enumerate(values)}
    if case.stateful:
        layer.reset_state()
    watched = [tensor for tensor in tensors if tensor.dtype.is_floating] + state_tensors
    with tf.GradientTape() as tape:
        tape.watch(watched)
        results = call()
        outputs = tf.nest.flatten(results)
        weights = [store.exact(random.uniform(-1, 1, tuple(output.shape))) for output in outputs]
        total = tf.add_n([tf.reduce_sum(output * weight) for output, weight in zip(outputs, weights, strict=True)])
    sources = [weight.value for weight in layer.trainable_weights]
    gradients = tape.gradient(total, sources + watched, unconnected_gradients="zero")
    out_mask = keras.src.backend.get_keras_mask(outputs[0])
    for key, group in (("input", inputs), ("initial_state", states), ("output", outputs), ("output_grad", weights)):
        arrays |= {f"{key}/{i}": np.asarray(value) for i, value in enumerate(group)}
    trainable = {id(weight): gradient for weight, gradient in zip(layer.trainable_weights, gradients, strict=False)}
    for i, weight in enumerate(layer.weights):
        if id(weight) in trainable:
            arrays[f"weight_grad/{i}"] = np.asarray(tf.convert_to_tensor(trainable[id(weight)]))
    rest = gradients[len(sources) :]
    if not case.vocabulary:
        arrays |= {f"input_grad/{i}": np.asarray(value) for i, value in enumerate(rest[: len(inputs)])}
        arrays |= {f"initial_state_grad/{i}": np.asarray(value) for i, value in enumerate(rest[len(inputs) :])}
    if mask is not None:
        arrays["mask"] = mask
    if out_mask is not None:
        arrays["output_mask"] = np.asarray(out_mask)
    if case.training:
        fixed = [weight for weight in layer.weights if id(weight) not in trainable]
        arrays |= {f"updated/{i}": np.asarray(weight) for i, weight in enumerate(fixed)}
    if case.stateful:
        arrays["second_output/0"] = np.asarray(call())
    line = {
        "name": case.name,
        "layer": case.layer,
        "inputs": [
            {"shape": list(value.shape), "dtype": "int32" if case.vocabulary else "float32"} for value in inputs
        ],
        "mask": mask is not None,
        "initial_state": len(states),
        "training": case.training,
        "weights": [
            {
                "name": weight.name,
                "path": weight.path.split("/", 1)[-1],
                "shape": list(weight.shape),
                "trainable": bool(weight.trainable),
            }
            for weight in layer.weights
        ],
        "outputs": [list(output.shape) for output in outputs],
        "output_mask": out_mask is not None,
    }
    if case.call or case.masked != (0,):
        line |= {"call": case.call or {}, "masked": list(case.masked)}
    if case.layer["class_name"] == "MultiHeadAttention" and len(layer.weights) > 4:
        line["zero_grad"] = [i for i, weight in enumerate(layer.weights) if weight.path.endswith("key/bias")]
    return line, arrays


def make(made_by: dict[str, str], name: str = "keras_layers", chosen: Iterable[Case] | None = None) -> None:
    """Write keras_layers.json and keras_layers.npz, or another file of chosen cases."""
    golden = store.Golden(name, made_by)
    for case in cases() if chosen is None else chosen:
        try:
            golden.add(*run(case))
        except Exception as error:
            raise RuntimeError(f"golden layer case {case.name}") from error
    golden.save()


def make_attention(made_by: dict[str, str]) -> None:
    """Write keras_attention.json and keras_attention.npz."""
    make(made_by, "keras_attention", attention())


def make_conv_lstm(made_by: dict[str, str]) -> None:
    """Write keras_conv_lstm.json and keras_conv_lstm.npz."""
    make(made_by, "keras_conv_lstm", conv_lstm())
