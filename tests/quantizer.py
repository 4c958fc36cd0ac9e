"""Post-training quantisation by the rules of the TFLite converter: full-integer int8, int16 activations with int8
weights, or of stored weights alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tests import sequence_lstm, svdf
from tests.litert import interpreter, invoke
from tests.tflite_writer import NO_TENSOR, Network, Op, Quant, Tensor, write

# The int8 kernels of these do no rescaling: operands and result must share scale and zero point.
SAME_SCALE = {
    "RESHAPE", "EXPAND_DIMS", "SQUEEZE", "PAD", "STRIDED_SLICE", "CONCATENATION", "MAX_POOL_2D",
    "AVERAGE_POOL_2D", "REDUCE_MAX", "REDUCE_MIN", "TRANSPOSE", "PACK", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND",
    "SPLIT", "SPLIT_V", "UNPACK", "SLICE", "GATHER", "TILE", "RESIZE_NEAREST_NEIGHBOR", "MIRROR_PAD", "PADV2",
    "REVERSE_V2", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "MAXIMUM", "MINIMUM",
}  # fmt: skip
# Results of one fixed quantisation: SOFTMAX and LOGISTIC refuse any other, for TANH the converter chooses it.
FIXED = {
    "SOFTMAX": Quant((1 / 256,), (-128,)),
    "LOGISTIC": Quant((1 / 256,), (-128,)),
    "TANH": Quant((1 / 128,), (0,)),
    "L2_NORMALIZATION": Quant((1 / 128,), (0,)),
}
FIXED_INT16 = {code: Quant((1 / 32768,), (0,)) for code in ("SOFTMAX", "LOGISTIC", "TANH")}
_WEIGHT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
_STATEFUL = {sequence_lstm.CODE: sequence_lstm, svdf.CODE: svdf}  # these quantise their own operands
_SMALLEST_RANGE = 1e-3

Range = tuple[float, float]


def quantize(
    network: Network,
    calibration: Sequence[Sequence[np.ndarray]],
    *,
    per_channel: bool = True,
    per_channel_dense: bool = False,
    float_io: bool = False,
    byte_io: bool = False,
    weight_bits: int = 8,
    wide: bool = False,
) -> bytes:
    """The float `network` in int8, its activation ranges measured over the windows of `calibration`.

    With `weight_bits` 4 the weights of convolutions and dense layers are int4. `wide` makes activations int16 and
    biases int64.
    """
    ranges = _measure(network, calibration)
    fixed = FIXED_INT16 if wide else FIXED
    network = _requantize_fixed(network, ranges, fixed)
    tensors = _quantize_activations(network, ranges, fixed, "int16" if wide else "int8")
    for op in network.ops:
        if op.code == "PRELU" and wide:  # as the reference kernel takes them
            slopes = network.tensors[op.inputs[1]]
            assert slopes.data is not None
            quant = Quant((float(np.abs(slopes.data).max()) / 127,), (0,))
            tensors[op.inputs[1]] = _to_integers(slopes, quant, "int8")
        if op.code in _WEIGHT_AXIS:
            split = per_channel_dense if op.code == "FULLY_CONNECTED" else per_channel
            bits = 8 if op.code == "TRANSPOSE_CONV" else weight_bits
            _quantize_weights(tensors, op, split, bits, "int64" if wide else "int32")
    ops = tuple(_STATEFUL[op.code].quantize(tensors, op, ranges) if op.code in _STATEFUL else op for op in network.ops)
    ops = tuple(_with_any_scale(op) for op in ops) if wide else ops
    network = replace(network, tensors=tuple(tensors), ops=ops)
    return write(_with_other_io(network, byte_io) if float_io or byte_io else network)


def _with_any_scale(op: Op) -> Op:
    """Sums whose scales need not be powers of two, as the converter writes them."""
    if op.code not in ("ADD", "SUB"):
        return op
    return replace(op, options=type(op.options)(op.options.fusedActivationFunction, False))


def _measure(network: Network, calibration: Sequence[Sequence[np.ndarray]]) -> list[Range]:
    """Smallest and largest value of every tensor, zero included (it must be representable)."""
    seen = np.zeros((len(network.tensors), 2))
    reference = interpreter(write(network), preserve=True)
    for window in calibration:
        invoke(reference, list(window))
        for index, tensor in enumerate(network.tensors):
            values = reference.get_tensor(index) if tensor.data is None else tensor.data
            seen[index] = min(seen[index, 0], values.min()), max(seen[index, 1], values.max())
    return [(float(low), float(high)) for low, high in seen]


def _groups(network: Network) -> list[int]:
    """For every tensor the representative of the set that must share one quantisation with it."""
    leader = list(range(len(network.tensors)))

    def find(index: int) -> int:
        return index if leader[index] == index else find(leader[index])

    for op in network.ops:
        if op.code in SAME_SCALE:
            for operand in op.inputs:
                if network.tensors[operand].dtype == "float32":
                    leader[find(operand)] = find(op.output)
            for other in op.more:
                leader[find(other)] = find(op.output)
        if op.code == sequence_lstm.CODE:
            leader[find(op.inputs[sequence_lstm.HIDDEN])] = find(op.output)
    return [find(index) for index in range(len(leader))]


def _fixed_outputs(network: Network, codes: Mapping[str, Quant]) -> dict[int, Quant]:
    return {op.output: codes[op.code] for op in network.ops if op.code in codes}


def _requantize_fixed(network: Network, ranges: list[Range], codes: Mapping[str, Quant]) -> Network:
    """Put a QUANTIZE behind a fixed result that would share its scale (a sigmoid into a concat)."""
    groups, fixed = _groups(network), _fixed_outputs(network, codes)
    passed_on = {i for op in network.ops if op.code in SAME_SCALE for i in (op.output, *op.more)}
    clash = set()
    for index, quant in fixed.items():
        origins = [i for i, group in enumerate(groups) if group == groups[index] and i not in passed_on]
        if any(fixed.get(origin) != quant for origin in origins):
            clash.add(index)
    tensors = list(network.tensors)
    ops: list[Op] = []
    renamed: dict[int, int] = {}
    for op in network.ops:
        if op.code in SAME_SCALE:
            op = replace(op, inputs=tuple(renamed.get(i, i) for i in op.inputs))
        ops.append(op)
        if op.output in clash:
            renamed[op.output] = len(tensors)
            ops.append(Op("QUANTIZE", (op.output,), len(tensors)))
            tensors.append(replace(tensors[op.output], name=tensors[op.output].name + "/requantized"))
            ranges.append(ranges[op.output])
    return replace(network, tensors=tuple(tensors), ops=tuple(ops))


def _quantize_activations(
    network: Network, ranges: list[Range], codes: Mapping[str, Quant], dtype: str
) -> list[Tensor]:
    """Every float tensor but weights and biases in `dtype`, by its group's range."""
    groups, fixed = _groups(network), _fixed_outputs(network, codes)
    parameters = {i for op in network.ops if op.code in _WEIGHT_AXIS for i in _operands(op)[1:]}
    parameters |= {i for op in network.ops if op.code in _STATEFUL for i in _STATEFUL[op.code].parameters(op)}
    shared: dict[int, Range] = {}
    for index, group in enumerate(groups):
        low, high = shared.get(group, (0.0, 0.0))
        shared[group] = min(low, ranges[index][0]), max(high, ranges[index][1])
    chosen = _asymmetric if dtype == "int8" else _around_zero
    quants = {group: chosen(*extent) for group, extent in shared.items()}
    quants |= {groups[index]: quant for index, quant in fixed.items()}
    return [
        tensor
        if index in parameters or tensor.dtype != "float32"
        else _to_integers(tensor, quants[groups[index]], dtype)
        for index, tensor in enumerate(network.tensors)
    ]


def _asymmetric(low: float, high: float) -> Quant:
    scale = np.float32(max(high - low, _SMALLEST_RANGE) / 255)
    return Quant((float(scale),), (int(np.clip(np.round(-128 - low / scale), -128, 127)),))


def _around_zero(low: float, high: float) -> Quant:
    return Quant((float(np.float32(max(-low, high, _SMALLEST_RANGE) / 32767)),), (0,))


def _to_integers(tensor: Tensor, quant: Quant, dtype: str) -> Tensor:
    data, limits = tensor.data, np.iinfo(dtype)
    if data is not None:
        steps = np.round(data / quant.scale[0]) + quant.zero_point[0]
        data = np.clip(steps, limits.min, limits.max).astype(dtype)
    return replace(tensor, dtype=dtype, data=data, quant=quant)


def _operands(op: Op) -> tuple[int, ...]:
    """What a layer reads, its weights and its bias."""
    return (op.inputs[2], op.inputs[1], *op.inputs[3:]) if op.code == "TRANSPOSE_CONV" else op.inputs


def _quantize_weights(tensors: list[Tensor], op: Op, split: bool, bits: int, bias_dtype: str) -> None:
    """Weights symmetric, a scale per output channel if `split`; bias in input scale * weight scale."""
    source, kernel, *bias = _operands(op)
    weights, axis = tensors[kernel].data, _WEIGHT_AXIS[op.code]
    assert weights is not None
    others = tuple(i for i in range(weights.ndim) if i != axis)
    largest = np.abs(weights).max(axis=others if split else None, keepdims=True)
    top = (1 << bits - 1) - 1
    scale = np.maximum(largest, 1e-6).astype(np.float32) / np.float32(top)
    quant = _symmetric(scale, axis if split else 0)
    values = np.clip(np.round(weights / scale), -top, top).astype(np.int8)
    tensors[kernel] = replace(tensors[kernel], dtype=f"int{bits}", data=values, quant=quant)
    if bias and bias[0] != NO_TENSOR:
        _quantize_bias(tensors, bias[0], np.float32(_scale(tensors[source])) * scale.ravel(), bias_dtype)


def _quantize_bias(tensors: list[Tensor], index: int, scale: np.ndarray, dtype: str) -> None:
    bias = tensors[index].data
    assert bias is not None
    bits = 31 if dtype == "int32" else 39  # what the converter writes
    values = np.clip(np.round(bias / scale.astype(np.float64)), -(2**bits), 2**bits - 1).astype(dtype)
    tensors[index] = replace(tensors[index], dtype=dtype, data=values, quant=_symmetric(scale, 0))


def _symmetric(scale: np.ndarray, axis: int) -> Quant:
    return Quant(tuple(float(value) for value in scale.ravel()), (0,) * scale.size, axis)


def _scale(tensor: Tensor) -> float:
    assert tensor.quant is not None
    return tensor.quant.scale[0]


def _with_other_io(network: Network, bytes_: bool) -> Network:
    """The integer network behind float inputs (QUANTIZE) and outputs (DEQUANTIZE), or behind uint8 ones (QUANTIZE).

    Outputs that have no scale, indices for instance, stay as they are.
    """
    tensors = list(network.tensors)

    def outer(index: int) -> int:
        inner = tensors[index]
        if inner.quant is None:
            return index
        made = Tensor(f"{inner.name}/outer", inner.shape)
        if bytes_:
            quant = Quant(inner.quant.scale, tuple(zero + 128 for zero in inner.quant.zero_point))
            made = replace(made, dtype="uint8", quant=quant)
        tensors.append(made)
        return len(tensors) - 1

    inputs = tuple(outer(index) for index in network.inputs)
    outputs = tuple(outer(index) for index in network.outputs)
    last = "QUANTIZE" if bytes_ else "DEQUANTIZE"
    ops = [Op("QUANTIZE", (made,), inner) for made, inner in zip(inputs, network.inputs, strict=True)]
    ops += network.ops
    pairs = zip(outputs, network.outputs, strict=True)
    ops += [Op(last, (inner,), made) for made, inner in pairs if made != inner]
    return Network(tuple(tensors), tuple(ops), inputs, outputs)


def stored(network: Network, dtype: str) -> Network:
    """The float network, its weights stored as float16, or as int8 with a scale per channel, behind a DEQUANTIZE."""
    tensors, ops = list(network.tensors), []
    for index, tensor in enumerate(network.tensors):
        if tensor.data is None or tensor.dtype != "float32" or tensor.data.ndim < 2:
            continue
        if dtype == "float16":
            weights = replace(tensor, dtype="float16", data=tensor.data.astype(np.float16))
        else:
            largest = np.abs(tensor.data.reshape(len(tensor.data), -1)).max(axis=1)
            scale = np.maximum(largest, 1e-6) / 127
            steps = np.round(tensor.data / scale.reshape(-1, *[1] * (tensor.data.ndim - 1)))
            weights = replace(tensor, dtype="int8", data=steps.astype(np.int8), quant=_symmetric(scale, 0))
        tensors[index] = replace(tensor, data=None)
        tensors.append(replace(weights, name=f"{tensor.name}/stored"))
        ops.append(Op("DEQUANTIZE", (len(tensors) - 1,), index))
    return replace(network, tensors=tuple(tensors), ops=(*ops, *network.ops))
