"""The forms in which the converter exports what was trained with an open batch: 1 stands for what it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ai_edge_litert import schema_py_generated as schema

from tests.graphbuilder import Handle
from tests.netbuilder import Net


def declare(net: Net, x: Handle, shape: Sequence[int], dtype: str = "float32") -> Handle:
    """`x` with another shape or dtype in the file; what builds on it sees that too."""
    net._tensors[x.index] = replace(net._tensors[x.index], shape=tuple(shape), dtype=dtype)
    return Handle(x.index, tuple(shape))


def shape_of(net: Net, x: Handle) -> Handle:
    options = schema.ShapeOptionsT(outType=schema.TensorType.INT32)
    return declare(net, net._op("SHAPE", [x], (len(x.shape),), options), (len(x.shape),), "int32")


def number(net: Net, value: int) -> Handle:
    return net.constant(value, "int32", "number")


def open_reshape(net: Net, x: Handle, lengths: Sequence[int]) -> Handle:
    """RESHAPE to `[batch, *lengths]` as Flatten and Reshape have it."""
    batch = declare(net, net.strided_slice(shape_of(net, x), [0], [1], shrink_mask=1), (), "int32")
    parts = [batch, *(number(net, d) for d in lengths)]
    shape = declare(net, net.pack(parts, 0), (len(parts),), "int32")
    return net._op("RESHAPE", [x, shape], (1, *lengths), schema.ReshapeOptionsT())


def dense_on_columns(net: Net, x: Handle, units: int) -> Handle:
    """Dense on `[1, T, C]`: the columns become rows, of a number that the file does not tell."""
    sizes = shape_of(net, x)

    def gather(places: Sequence[int]) -> Handle:
        where = net.constant(places, "int32", "places")
        made = net._op("GATHER", [sizes, where], (len(places),), schema.GatherOptionsT())
        return declare(net, made, made.shape, "int32")

    def product(values: Handle) -> Handle:
        axes = net.constant([0], "int32", "axes")
        return declare(net, net._op("REDUCE_PROD", [values, axes], (), schema.ReducerOptionsT()), (), "int32")

    outer, inner = gather([0, 1]), gather([2])
    back = declare(net, net.concat([outer, net.constant([units], "int32")], 0), (3,), "int32")
    rows = declare(net, net.pack([product(outer), product(inner)], 0), (2,), "int32")
    y = net._op("RESHAPE", [x, rows], (1, x.shape[2]), schema.ReshapeOptionsT())
    y = declare(net, net.dense(y, units), (1, units))
    return net._op("RESHAPE", [y, back], (*x.shape[:2], units), schema.ReshapeOptionsT())


def dealt_conv1d(
    net: Net,
    x: Handle,
    kernel: int,
    dilation: int,
    padding: tuple[int, int],
    lift: int,
    depthwise: bool = False,
) -> Handle:
    """SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND: a dilated convolution over `[1, T, C]`.

    `padding` is that of the convolution; what makes the length divisible is padded and cropped as TensorFlow does.
    `lift` is the axis that EXPAND_DIMS adds.
    """
    length, channels = x.shape[1], x.shape[2]
    rest = -(length + sum(padding)) % dilation
    dealt = (1, (length + sum(padding) + rest) // dilation, channels)
    y = _deal(net, x, [dilation], [(padding[0], padding[1] + rest)], dealt)
    y = net.expand_dims(y, lift)
    size = (kernel, 1) if lift == 2 else (1, kernel)
    convolve, count = (net.depthwise, 1) if depthwise else (net.conv2d, channels)
    y = convolve(y, count, size, padding="VALID")
    y = net.reshape(y, (-1, *(d for a, d in enumerate(y.shape) if a not in (0, lift))))
    made = length + sum(padding) - (kernel - 1) * dilation
    return _gather(net, y, [dilation], [(0, rest)], (1, made, channels))


def dealt_conv2d(net: Net, x: Handle, kernel: int, dilation: tuple[int, int]) -> Handle:
    """The same over `[1, H, W, C]` with SAME padding."""
    reach = [(kernel - 1) * d for d in dilation]
    rests = [-(n + r) % d for n, r, d in zip(x.shape[1:3], reach, dilation, strict=True)]
    pads = [(r // 2, r - r // 2 + rest) for r, rest in zip(reach, rests, strict=True)]
    sizes = [(n + sum(p)) // d for n, p, d in zip(x.shape[1:3], pads, dilation, strict=True)]
    y = _deal(net, x, dilation, pads, (1, *sizes, x.shape[3]))
    y = net.conv2d(y, 3, kernel, padding="VALID")
    return _gather(net, y, dilation, [(0, rest) for rest in rests], (1, *x.shape[1:3], 3))


def _deal(
    net: Net, x: Handle, blocks: Sequence[int], paddings: Sequence[tuple[int, int]], shape: Sequence[int]
) -> Handle:
    operands = [x, net.constant(blocks, "int32"), net.constant(paddings, "int32")]
    return net._op("SPACE_TO_BATCH_ND", operands, shape, schema.SpaceToBatchNDOptionsT())


def _gather(
    net: Net, x: Handle, blocks: Sequence[int], crops: Sequence[tuple[int, int]], shape: Sequence[int]
) -> Handle:
    operands = [x, net.constant(blocks, "int32"), net.constant(crops, "int32")]
    return net._op("BATCH_TO_SPACE_ND", operands, shape, schema.BatchToSpaceNDOptionsT())
