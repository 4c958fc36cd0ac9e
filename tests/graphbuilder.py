"""The part of the network builder that needs no windows and no weights: see `tests.netbuilder`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests import quantizer
from tests.tflite_writer import NO_TENSOR, Network, Op, Tensor, write

Operand = Any  # a handle, or anything that numpy makes an array of

ACTIVATIONS = {None: 0, "relu": 1, "relu_n1_to_1": 2, "relu6": 3}


@dataclass(frozen=True)
class Handle:
    index: int
    shape: tuple[int, ...]


class GraphBuilder:
    def __init__(self, name: str, rng: np.random.Generator) -> None:
        self.name = name
        self.rng = rng
        self._tensors: list[Tensor] = []
        self._ops: list[Op] = []
        self._inputs: list[int] = []
        self._outputs: list[int] = []

    # -- the network as a whole

    @property
    def network(self) -> Network:
        return Network(tuple(self._tensors), tuple(self._ops), tuple(self._inputs), tuple(self._outputs))

    @property
    def input_shapes(self) -> list[tuple[int, ...]]:
        return [self._tensors[index].shape for index in self._inputs]

    def build(self) -> bytes:
        return write(self.network)

    def quantize(
        self,
        calibration: Sequence[Sequence[np.ndarray]],
        *,
        per_channel: bool = True,
        per_channel_dense: bool = False,
        float_io: bool = False,
        byte_io: bool = False,
        weight_bits: int = 8,
        wide: bool = False,
    ) -> bytes:
        """int8 by ranges seen on `calibration`: windows, each a list with one array per input; `wide`: int16."""
        return quantizer.quantize(
            self.network,
            calibration,
            per_channel=per_channel,
            per_channel_dense=per_channel_dense,
            float_io=float_io,
            byte_io=byte_io,
            weight_bits=weight_bits,
            wide=wide,
        )

    def input(self, shape: Sequence[int]) -> Handle:
        made = self._tensor(f"input{len(self._inputs)}", shape)
        self._inputs.append(made.index)
        return made

    def output(self, *handles: Handle) -> None:
        self._outputs += [handle.index for handle in handles]

    def constant(self, values: Any, dtype: str = "float32", name: str = "constant") -> Handle:
        data = np.asarray(values, dtype)
        return self._tensor(f"{name}{len(self._tensors)}", data.shape, dtype, data)

    # -- reductions

    def mean(self, x: Handle, axes: int | Sequence[int], keep_dims: bool = False) -> Handle:
        return self._reduce("MEAN", x, axes, keep_dims)

    def sum(self, x: Handle, axes: int | Sequence[int], keep_dims: bool = False) -> Handle:
        return self._reduce("SUM", x, axes, keep_dims)

    def reduce_max(self, x: Handle, axes: int | Sequence[int], keep_dims: bool = False) -> Handle:
        return self._reduce("REDUCE_MAX", x, axes, keep_dims)

    def reduce_min(self, x: Handle, axes: int | Sequence[int], keep_dims: bool = False) -> Handle:
        return self._reduce("REDUCE_MIN", x, axes, keep_dims)

    def _reduce(self, code: str, x: Handle, axes: int | Sequence[int], keep_dims: bool) -> Handle:
        """An int for `axes` becomes a scalar constant, as converters write it; a sequence a vector."""
        reduced = tuple(np.atleast_1d(axes).tolist())
        shape = np.empty(x.shape, bool).any(axis=reduced, keepdims=keep_dims).shape
        constant = self.constant(axes, "int32", "axes")
        return self._op(code, [x, constant], shape, schema.ReducerOptionsT(keep_dims))

    # -- elementwise

    def add(self, x: Operand, y: Operand, activation: str | None = None) -> Handle:
        return self._binary("ADD", x, y, schema.AddOptionsT(ACTIVATIONS[activation]))

    def sub(self, x: Operand, y: Operand, activation: str | None = None) -> Handle:
        return self._binary("SUB", x, y, schema.SubOptionsT(ACTIVATIONS[activation]))

    def mul(self, x: Operand, y: Operand, activation: str | None = None) -> Handle:
        return self._binary("MUL", x, y, schema.MulOptionsT(ACTIVATIONS[activation]))

    def _binary(self, code: str, x: Operand, y: Operand, options: Any) -> Handle:
        x, y = (side if isinstance(side, Handle) else self.constant(side) for side in (x, y))
        return self._op(code, [x, y], np.broadcast_shapes(x.shape, y.shape), options)

    def relu(self, x: Handle) -> Handle:
        return self._op("RELU", [x], x.shape)

    def relu6(self, x: Handle) -> Handle:
        return self._op("RELU6", [x], x.shape)

    def relu_n1_to_1(self, x: Handle) -> Handle:
        return self._op("RELU_N1_TO_1", [x], x.shape)

    def logistic(self, x: Handle) -> Handle:
        return self._op("LOGISTIC", [x], x.shape)

    def tanh(self, x: Handle) -> Handle:
        return self._op("TANH", [x], x.shape)

    def softmax(self, x: Handle, beta: float = 1.0) -> Handle:
        return self._op("SOFTMAX", [x], x.shape, schema.SoftmaxOptionsT(beta))

    def unary(self, code: str, x: Handle, options: Any = None) -> Handle:
        """A function of one element by its operator's name."""
        return self._op(code, [x], x.shape, options)

    def leaky_relu(self, x: Handle, alpha: float) -> Handle:
        return self.unary("LEAKY_RELU", x, schema.LeakyReluOptionsT(alpha))

    def gelu(self, x: Handle, approximate: bool = False) -> Handle:
        return self.unary("GELU", x, schema.GeluOptionsT(approximate))

    def batch_matmul(self, x: Handle, y: Operand, adj_x: bool = False, adj_y: bool = False) -> Handle:
        y = y if isinstance(y, Handle) else self.constant(y)
        left, right = (
            np.swapaxes(np.empty(h.shape, bool), -1, -2) if turned else np.empty(h.shape, bool)
            for h, turned in ((x, adj_x), (y, adj_y))
        )
        return self._op("BATCH_MATMUL", [x, y], (left @ right).shape, schema.BatchMatMulOptionsT(adj_x, adj_y, False))

    def div(self, x: Operand, y: Operand, activation: str | None = None) -> Handle:
        return self._binary("DIV", x, y, schema.DivOptionsT(ACTIVATIONS[activation]))

    def maximum(self, x: Operand, y: Operand, activation: None = None) -> Handle:
        return self._binary("MAXIMUM", x, y, schema.MaximumMinimumOptionsT())

    def minimum(self, x: Operand, y: Operand, activation: None = None) -> Handle:
        return self._binary("MINIMUM", x, y, schema.MaximumMinimumOptionsT())

    def squared_difference(self, x: Operand, y: Operand, activation: None = None) -> Handle:
        return self._binary("SQUARED_DIFFERENCE", x, y, schema.SquaredDifferenceOptionsT())

    def prelu(self, x: Operand, y: Operand, activation: None = None) -> Handle:
        return self._binary("PRELU", x, y, None)

    def arg(self, code: str, x: Handle, axis: int, dtype: str = "int32") -> Handle:
        """ARG_MAX or ARG_MIN."""
        shape = np.delete(x.shape, axis).tolist()
        kind = getattr(schema.TensorType, dtype.upper())
        options = schema.ArgMaxOptionsT(kind) if code == "ARG_MAX" else schema.ArgMinOptionsT(kind)
        return self._op(code, [x, self.constant(axis, "int32", "axis")], shape, options, dtype)

    def cast(self, x: Handle, dtype: str) -> Handle:
        kinds = (getattr(schema.TensorType, d.upper()) for d in (self._tensors[x.index].dtype, dtype))
        return self._op("CAST", [x], x.shape, schema.CastOptionsT(*kinds), dtype)

    # -- moving data

    def split(self, x: Handle, axis: int, count: int) -> list[Handle]:
        shapes = [part.shape for part in np.split(np.empty(x.shape, bool), count, axis)]
        axis_ = self.constant(axis, "int32", "axis")
        return self._ops_of("SPLIT", [axis_, x], shapes, schema.SplitOptionsT(count))

    def split_v(self, x: Handle, axis: int, sizes: Sequence[int]) -> list[Handle]:
        """`sizes` may hold one -1."""
        rest = x.shape[axis] - sum(size for size in sizes if size > 0)
        cuts = np.cumsum([rest if size == -1 else size for size in sizes])[:-1].tolist()
        shapes = [part.shape for part in np.split(np.empty(x.shape, bool), cuts, axis)]
        operands = [x, self.constant(sizes, "int32", "sizes"), self.constant(axis, "int32", "axis")]
        return self._ops_of("SPLIT_V", operands, shapes, schema.SplitVOptionsT(len(sizes)))

    def unpack(self, x: Handle, axis: int) -> list[Handle]:
        shape = np.delete(x.shape, axis).tolist()
        count = x.shape[axis]
        return self._ops_of("UNPACK", [x], [shape] * count, schema.UnpackOptionsT(count, axis))

    def slice(self, x: Handle, begin: Sequence[int], size: Sequence[int]) -> Handle:
        index = tuple(slice(b, None if n == -1 else b + n) for b, n in zip(begin, size, strict=True))
        shape = np.empty(x.shape, bool)[index].shape
        operands = [self.constant(values, "int32", "slice") for values in (begin, size)]
        return self._op("SLICE", [x, *operands], shape, schema.SliceOptionsT())

    def gather(self, x: Handle, indices: Any, axis: int) -> Handle:
        shape = np.take(np.empty(x.shape, bool), indices, axis).shape
        return self._op("GATHER", [x, self.constant(indices, "int32")], shape, schema.GatherOptionsT(axis))

    def tile(self, x: Handle, times: Sequence[int]) -> Handle:
        shape = np.tile(np.empty(x.shape, bool), times).shape
        return self._op("TILE", [x, self.constant(times, "int32")], shape, schema.TileOptionsT())

    def reverse(self, x: Handle, axes: Sequence[int]) -> Handle:
        return self._op("REVERSE_V2", [x, self.constant(axes, "int32")], x.shape, schema.ReverseV2OptionsT())

    def resize_nearest(self, x: Handle, size: Sequence[int], corners: bool = False, centres: bool = False) -> Handle:
        options = schema.ResizeNearestNeighborOptionsT(corners, centres)
        shape = (x.shape[0], *size, x.shape[3])
        return self._op("RESIZE_NEAREST_NEIGHBOR", [x, self.constant(size, "int32")], shape, options)

    def mirror_pad(self, x: Handle, paddings: Sequence[tuple[int, int]], mode: int = 0) -> Handle:
        """`mode` 0 leaves the outermost element out of the mirror image, 1 repeats it."""
        shape = [size + sum(pair) for size, pair in zip(x.shape, paddings, strict=True)]
        constant = self.constant(paddings, "int32", "paddings")
        return self._op("MIRROR_PAD", [x, constant], shape, schema.MirrorPadOptionsT(mode))

    def pad_v2(self, x: Handle, paddings: Sequence[tuple[int, int]], value: float) -> Handle:
        shape = [size + sum(pair) for size, pair in zip(x.shape, paddings, strict=True)]
        operands = [x, self.constant(paddings, "int32", "paddings"), self.constant(value)]
        return self._op("PADV2", operands, shape, schema.PadV2OptionsT())

    def space_to_depth(self, x: Handle, block: int) -> Handle:
        shape = (x.shape[0], x.shape[1] // block, x.shape[2] // block, x.shape[3] * block * block)
        return self._op("SPACE_TO_DEPTH", [x], shape, schema.SpaceToDepthOptionsT(block))

    def depth_to_space(self, x: Handle, block: int) -> Handle:
        shape = (x.shape[0], x.shape[1] * block, x.shape[2] * block, x.shape[3] // block // block)
        return self._op("DEPTH_TO_SPACE", [x], shape, schema.DepthToSpaceOptionsT(block))

    def concat(self, parts: Sequence[Handle], axis: int) -> Handle:
        shape = np.concatenate([np.empty(part.shape, bool) for part in parts], axis).shape
        return self._op("CONCATENATION", list(parts), shape, schema.ConcatenationOptionsT(axis))

    def pad(self, x: Handle, paddings: Sequence[tuple[int, int]]) -> Handle:
        shape = [size + sum(pair) for size, pair in zip(x.shape, paddings, strict=True)]
        return self._op("PAD", [x, self.constant(paddings, "int32", "paddings")], shape, schema.PadOptionsT())

    def reshape(self, x: Handle, shape: Sequence[int]) -> Handle:
        """`shape` may hold one -1; the constant operand keeps it, the tensor does not."""
        actual = np.empty(x.shape, bool).reshape(shape).shape
        constant = self.constant(shape, "int32", "shape")
        return self._op("RESHAPE", [x, constant], actual, schema.ReshapeOptionsT(np.array(shape, np.int32)))

    def transpose(self, x: Handle, axes: Sequence[int]) -> Handle:
        order = self.constant(axes, "int32", "axes")
        return self._op("TRANSPOSE", [x, order], [x.shape[a] for a in axes], schema.TransposeOptionsT())

    def pack(self, parts: Sequence[Handle], axis: int) -> Handle:
        shape = np.stack([np.empty(part.shape, bool) for part in parts], axis).shape
        return self._op("PACK", list(parts), shape, schema.PackOptionsT(len(parts), axis))

    def expand_dims(self, x: Handle, axis: int) -> Handle:
        shape = np.expand_dims(np.empty(x.shape, bool), axis).shape
        return self._op("EXPAND_DIMS", [x, self.constant(axis, "int32", "axis")], shape, schema.ExpandDimsOptionsT())

    def squeeze(self, x: Handle, axes: Sequence[int]) -> Handle:
        shape = np.squeeze(np.empty(x.shape, bool), tuple(axes)).shape
        return self._op("SQUEEZE", [x], shape, schema.SqueezeOptionsT(np.array(axes, np.int32)))

    def strided_slice(
        self,
        x: Handle,
        begin: Sequence[int],
        end: Sequence[int],
        strides: Sequence[int] | None = None,
        begin_mask: int = 0,
        end_mask: int = 0,
        shrink_mask: int = 0,
    ) -> Handle:
        strides = [1] * len(begin) if strides is None else strides
        picks: list[int | slice] = []
        for axis, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
            bit = 1 << axis
            span = slice(None if begin_mask & bit else first, None if end_mask & bit else last, step)
            picks.append(first if shrink_mask & bit else span)
        shape = np.empty(x.shape, bool)[tuple(picks)].shape
        operands = [self.constant(values, "int32", "slice") for values in (begin, end, strides)]
        options = schema.StridedSliceOptionsT(begin_mask, end_mask, 0, 0, shrink_mask)
        return self._op("STRIDED_SLICE", [x, *operands], shape, options)

    # -- the parts

    def _tensor(
        self, name: str, shape: Sequence[int], dtype: str = "float32", data: np.ndarray | None = None
    ) -> Handle:
        sizes = tuple(int(size) for size in shape)
        if any(size < 1 for size in sizes):
            raise ValueError(f"{self.name}: {name} would have the shape {sizes}")
        self._tensors.append(Tensor(name, sizes, dtype, data))
        return Handle(len(self._tensors) - 1, sizes)

    def _op(
        self,
        code: str,
        operands: Sequence[Handle | None],
        shape: Sequence[int],
        options: Any = None,
        dtype: str = "float32",
    ) -> Handle:
        made = self._tensor(f"{code.lower()}{len(self._ops)}", shape, dtype)
        indices = tuple(NO_TENSOR if operand is None else operand.index for operand in operands)
        self._ops.append(Op(code, indices, made.index, options))
        return made

    def _ops_of(
        self, code: str, operands: Sequence[Handle], shapes: Sequence[Sequence[int]], options: Any = None
    ) -> list[Handle]:
        """An operator of several outputs."""
        made = [self._tensor(f"{code.lower()}{len(self._ops)}_{i}", shape) for i, shape in enumerate(shapes)]
        indices = [handle.index for handle in made]
        self._ops.append(Op(code, tuple(o.index for o in operands), indices[0], options, tuple(indices[1:])))
        return made
