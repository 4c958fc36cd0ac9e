"""What a quantised ONNX network can do without, every bit of its outputs kept: conversions to float and back.

Moves give the same elements whatever they are, so QUANTIZE rises and DEQUANTIZE sinks through them. What then lies
between a DEQUANTIZE and a QUANTIZE is a function of one int8 element, and becomes a table (LOOKUP); or of two, and
becomes ADD, SUB or MUL on int8, in integers where some give the same for all 65536 pairs, else in float. Either is
evaluated by the float operators themselves. The rest stays float.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np

from edgeshift.importers.onnx.qdq import CHANNELS, EVEN
from edgeshift.importers.onnx.values import MOVES
from edgeshift.ir import Graph, Node, QuantParams, Tensor
from edgeshift.passes.fold import fold
from edgeshift.passes.prune import prune
from edgeshift.reference.even import EvenFloatProduct, EvenFloatSum, EvenProduct, EvenSum, quantize_even
from edgeshift.reference.mlas import logistic_mlas, tanh_mlas

_PURE = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "TRANSPOSE")
_CLAMPS = ("RELU", "RELU6", "RELU_N1_TO_1")
_UNARY = ("ABS", "ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "NEG", "RSQRT", "SQRT", "SQUARE")
_BINARY = ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "PRELU", "SQUARED_DIFFERENCE")
_ELEMENTWISE = (*_CLAMPS, *_UNARY, "TANH", *_BINARY)
_RUNTIMES_OWN = {"TANH": tanh_mlas, "LOGISTIC": logistic_mlas}  # those where its last bits are known
_ALL = np.arange(-128, 128, dtype=np.int8)


def simplify(graph: Graph) -> Graph:
    """The same network with fewer conversions."""
    if not any(node.op == "QUANTIZE" for node in graph.nodes):
        return graph
    work = _Work(graph)
    changes = -1
    while changes != work.changes:
        changes = work.changes
        for step in _STEPS:
            for node in tuple(work.nodes):
                if work.holds(node) and step(work, node):
                    work.settle()
    return work.graph()


class _Work:
    """A graph while it is being changed: every step changes one thing."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self.changes = graph, -1
        self.tensors, self.nodes, self.outputs = dict(graph.tensors), list(graph.nodes), graph.outputs
        self.settle()

    def settle(self) -> None:
        """Drop what nothing needs any more, and see who makes and who reads what."""
        self.nodes = list(prune(self.graph()).nodes)
        self.changes += 1
        self.made_by = {t: node for node in self.nodes for t in node.outputs}
        self.pure: dict[tuple[str, int | None], list[Node]] = {}
        for node in self.nodes:
            if node.op in _PURE:
                self.pure.setdefault((node.op, node.inputs[0]), []).append(node)
        self.readers: dict[int, int] = {}
        for t in (*self.outputs, *(i for node in self.nodes for i in node.inputs if i is not None)):
            self.readers[t] = self.readers.get(t, 0) + 1

    def holds(self, node: Node) -> bool:
        """Whether a node is still there as it was."""
        return self.made_by.get(node.outputs[0]) is node

    def graph(self) -> Graph:
        return replace(self._graph, tensors=self.tensors, nodes=tuple(self.nodes), outputs=self.outputs)

    def maker(self, tensor: int | None) -> Node | None:
        return None if tensor is None else self.made_by.get(tensor)

    def quantised(self, tensor: int | None) -> Tensor | None:
        """The int8 tensor that a float one was dequantised from; of a constant the one that it was."""
        node = self.maker(tensor)
        if tensor is None or (node is not None and node.op != "DEQUANTIZE"):
            return None
        if node is not None and node.inputs[0] is not None:
            found = self.tensors[node.inputs[0]]
            return found if found.dtype == np.int8 else None
        constant = self.tensors[tensor]
        if constant.data is None or constant.quant is None or constant.dtype != np.float32:
            return None
        scale, zero = float(constant.scale), constant.zero_point
        return self.tensors[
            self.add(constant, np.dtype(np.int8), constant.quant, quantize_even(constant.data, scale, zero))
        ]

    def add(self, like: Tensor, dtype: np.dtype, quant: QuantParams | None, data: np.ndarray | None = None) -> int:
        number = max(self.tensors) + 1
        self.tensors[number] = replace(like, id=number, dtype=dtype, quant=quant, data=data)
        return number

    def put(self, old: Node, *new: Node) -> bool:
        at = next(k for k, node in enumerate(self.nodes) if node is old)
        self.nodes[at : at + 1] = new
        return True

    def alias(self, node: Node, to: int) -> bool:
        """Let everything read `to` instead of what `node` makes."""
        gone = node.outputs[0]
        if gone in self.outputs:
            if to in self._graph.inputs or to in self.outputs:
                return False
            self.tensors[to] = replace(self.tensors[to], name=self.tensors[gone].name)

        def reading(n: Node) -> Node:
            return replace(n, inputs=tuple(to if i == gone else i for i in n.inputs)) if gone in n.inputs else n

        self.nodes = [reading(n) for n in self.nodes if n is not node]
        self.outputs = tuple(to if t == gone else t for t in self.outputs)
        return True


def _merge(work: _Work, node: Node) -> bool:
    """Of two conversions or rearrangements that give the same, one."""
    if node.op not in _PURE:
        return False
    for other in work.pure.get((node.op, node.inputs[0]), ()):
        if other is node:
            return False
        if _equal(work, node, other):
            return work.alias(node, other.outputs[0])
    return False


def _equal(work: _Work, node: Node, other: Node) -> bool:
    a, b = work.tensors[node.outputs[0]], work.tensors[other.outputs[0]]
    same_type = a.shape == b.shape and a.dtype == b.dtype and (a.quant is None or a.quant.same_as(b.quant))
    if node.op != "TRANSPOSE" or not same_type:
        return same_type
    x, y = (work.tensors[n.inputs[1] or 0].data for n in (node, other))
    return x is not None and y is not None and np.array_equal(x, y)


def _data_places(node: Node) -> range:
    """Which operands of a move are moved."""
    return range(len(node.inputs) if node.op == "CONCATENATION" else 1)


def _raise(work: _Work, node: Node) -> bool:
    """QUANTIZE(move(x)) -> move(QUANTIZE(x))."""
    move = work.maker(node.inputs[0])
    if node.op != "QUANTIZE" or move is None or move.op not in MOVES or work.readers[move.outputs[0]] > 1:
        return False
    output = work.tensors[node.outputs[0]]
    if output.dtype != np.int8 or work.tensors[move.outputs[0]].dtype != np.float32:
        return False
    inputs, before = list(move.inputs), []
    for place in (*_data_places(move), *([2] if move.op == "PADV2" else [])):
        x = work.tensors[inputs[place] or 0]
        data = None if x.data is None else quantize_even(x.data, float(output.scale), output.zero_point)
        inputs[place] = work.add(x, output.dtype, output.quant, data)
        if data is None:
            before.append(replace(node, inputs=(x.id,), outputs=(inputs[place] or 0,)))
    return work.put(node, *before, replace(move, inputs=tuple(inputs), outputs=node.outputs))


def _sink(work: _Work, node: Node) -> bool:
    """move(DEQUANTIZE(x)) -> DEQUANTIZE(move(x)), of several operands where they are quantised alike."""
    if node.op not in MOVES or node.op == "PADV2" or work.tensors[node.outputs[0]].dtype != np.float32:
        return False
    operands = [work.quantised(node.inputs[place]) for place in _data_places(node)]
    found = [x for x in operands if x is not None and x.quant is not None]
    if len(found) < len(operands) or any(not x.quant.same_as(found[0].quant) for x in found if x.quant is not None):
        return False
    output = work.tensors[node.outputs[0]]
    made = work.add(output, found[0].dtype, found[0].quant)
    inputs = (*(x.id for x in found), *node.inputs[len(found) :])
    return work.put(
        node,
        replace(node, inputs=inputs, outputs=(made,)),
        Node(node.index, "DEQUANTIZE", (made,), node.outputs),
    )


def _tabulate(work: _Work, node: Node) -> bool:
    """What depends on one int8 element alone -> LOOKUP."""
    output = work.tensors[node.outputs[0]]
    if node.op != "QUANTIZE" or output.dtype != np.int8:
        return False
    cone = _cone(work, node.inputs[0], output.shape)
    if cone is None or len({x.id for x, _ in cone[0]}) != 1:
        return False
    x = cone[0][0][0]
    table = _evaluated(work, [*cone[1], node], [(x, leaf, _ALL) for _, leaf in cone[0]])
    if table is None:
        return False
    if output.quant is not None and output.quant.same_as(x.quant) and np.array_equal(table, _ALL):
        return work.alias(node, x.id)
    operands = (x.id, work.add(replace(output, name=f"{output.name}_table", shape=(256,)), output.dtype, None, table))
    return work.put(node, Node(node.index, "LOOKUP", operands, node.outputs))


Leaf = tuple[Tensor, int]  # an int8 tensor and the float one that it becomes


def _cone(work: _Work, last: int | None, shape: tuple[int, ...]) -> tuple[list[Leaf], list[Node]] | None:
    """The int8 tensors of `shape` that a float one is computed from element by element, and the nodes that do so."""
    leaves: dict[int, Leaf] = {}
    nodes: list[Node] = []

    def follow(tensor: int | None) -> bool:
        if tensor is None or tensor in leaves or any(tensor in n.outputs for n in nodes):
            return tensor is not None
        known, maker = work.tensors[tensor], work.maker(tensor)
        if maker is None:
            return known.data is not None and known.size == 1
        x = work.quantised(tensor)
        if x is not None:
            leaves[tensor] = (x, tensor)
            return x.shape == shape
        if maker.op not in _ELEMENTWISE or known.shape != shape or not all(follow(i) for i in maker.inputs):
            return False
        nodes.append(maker)
        return True

    return (list(leaves.values()), nodes) if follow(last) and leaves else None


def _evaluated(work: _Work, nodes: list[Node], leaves: list[tuple[Tensor, int, np.ndarray]]) -> np.ndarray | None:
    """What the last of `nodes` makes when the int8 tensors have the given values: each node computed as it stands."""
    tensors = dict(work.tensors)
    shape = np.broadcast_shapes(*(values.shape for _, _, values in leaves))
    conversions = []
    for x, leaf, values in leaves:
        number = max(tensors) + 1
        tensors[number] = replace(x, id=number, shape=values.shape, data=values)
        tensors[leaf] = replace(tensors[leaf], shape=values.shape, data=None)
        conversions.append(Node(0, "DEQUANTIZE", (number,), (leaf,)))
    for node in nodes:
        tensors[node.outputs[0]] = replace(tensors[node.outputs[0]], shape=shape)
        for i in node.inputs:  # constants of one element, whatever their axes
            constant = None if i is None else tensors[i].data
            if i is not None and constant is not None and constant.size == 1:
                tensors[i] = replace(tensors[i], shape=(), data=constant.reshape(()))
    for node in (*conversions, *nodes):
        operand = tensors[node.inputs[0] or 0].data
        if node.op in _RUNTIMES_OWN and operand is not None:
            output = tensors[node.outputs[0]]
            tensors[output.id] = replace(output, data=_RUNTIMES_OWN[node.op](operand))
        else:
            tensors = dict(fold(Graph("", "", tensors, (node,), (), ())).tensors)
    return tensors[nodes[-1].outputs[0]].data


def _pair(work: _Work, node: Node) -> bool:
    """ADD, SUB or MUL of two int8 tensors, clamped or not."""
    output = work.tensors[node.outputs[0]]
    if node.op != "QUANTIZE" or output.dtype != np.int8:
        return False
    nodes = [node]
    last = work.maker(node.inputs[0])
    while last is not None and last.op in _CLAMPS:
        nodes.insert(0, last)
        last = work.maker(last.inputs[0])
    if last is None or last.op not in ("ADD", "SUB", "MUL"):
        return False
    operands = [work.quantised(i) for i in last.inputs]
    a, b = operands
    if a is None or b is None:
        return False
    leaves = [
        (x, i, values) for x, i, values in zip((a, b), last.inputs, (_ALL[:, None], _ALL), strict=True) if i is not None
    ]
    table = _evaluated(work, [last, *nodes], leaves)
    if table is None:
        return False
    params = _fitted(last.op, a, b, output, table) or _literal(last.op, a, b, output, table)
    if not np.array_equal(params.of(_ALL[:, None], _ALL), table):
        return False
    attrs = {**EVEN, "params": params, "fused_activation_function": 0}
    return work.put(node, Node(node.index, last.op, (a.id, b.id), node.outputs, attrs))


def _fitted(op: str, a: Tensor, b: Tensor, output: Tensor, table: np.ndarray) -> EvenSum | EvenProduct | None:
    """Integers that give `table` for every pair, `None` where neither the obvious ones nor any near them do.

    Where a float result lies near a tie its roundings decide, and multipliers a little beside the scales may agree.
    """
    x, y, z = (Fraction(float(t.scale)) for t in (a, b, output))
    ratios = [x * y / z] if op == "MUL" else [x / z, (y if op == "ADD" else -y) / z]
    shift = 30 - int(np.floor(np.log2(float(max(abs(r) for r in ratios)))))
    if not (16 if op == "MUL" else 11) <= shift <= 46:
        return None
    ends = (output.zero_point, int(table.min()), int(table.max()))
    beside = sorted(product(range(-6, 7), repeat=len(ratios)), key=lambda steps: sum(abs(s) for s in steps))
    for steps in beside:
        ms = [round(r * (1 << shift) * (1 + Fraction(s, 1 << 26))) for r, s in zip(ratios, steps, strict=True)]
        if max(abs(m) for m in ms) >= 1 << 31:
            continue
        found: EvenSum | EvenProduct
        if op == "MUL":
            found = EvenProduct(-a.zero_point, -b.zero_point, ms[0], shift, *ends)
        else:
            found = EvenSum(-a.zero_point, -b.zero_point, ms[0], ms[1], shift, *ends)
        if np.array_equal(found.of(_ALL[:, None], _ALL), table):
            return found
    return None


def _literal(op: str, a: Tensor, b: Tensor, output: Tensor, table: np.ndarray) -> EvenFloatSum:
    """The float operation, whose results are those of `table`."""
    build = EvenFloatProduct if op == "MUL" else EvenFloatSum
    b_scale = -b.scale if op == "SUB" else b.scale
    zeros = (a.zero_point, b.zero_point, output.zero_point)
    return build(a.scale, np.float32(b_scale), output.scale, *zeros, int(table.min()), int(table.max()))


def _clamp(work: _Work, node: Node) -> bool:
    """A table that is a Relu, into the layer before it; two tables, into one."""
    before = work.maker(node.inputs[0])
    if node.op != "LOOKUP" or before is None or work.readers[before.outputs[0]] > 1:
        return False
    output, table = work.tensors[node.outputs[0]], work.tensors[node.inputs[1] or 0].data
    assert table is not None
    if before.op == "LOOKUP":
        first = work.tensors[before.inputs[1] or 0].data
        assert first is not None
        both = work.add(work.tensors[node.inputs[1] or 0], output.dtype, None, table[first.astype(np.int64) + 128])
        return work.put(node, replace(node, inputs=(before.inputs[0], both)))
    layer = before
    while layer.op == "RESHAPE" and work.maker(layer.inputs[0]) is not None and work.readers[layer.inputs[0] or 0] == 1:
        layer = work.made_by[layer.inputs[0] or 0]
    made = work.tensors[layer.outputs[0]]
    if layer.op not in CHANNELS or layer.attrs.get("fused_activation_function", 0) or output.quant is None:
        return False
    relu = np.maximum(_ALL, made.zero_point)
    if not output.quant.same_as(made.quant) or not np.array_equal(table, relu):
        return False
    work.put(layer, replace(layer, attrs={**layer.attrs, "fused_activation_function": 1}))
    return work.alias(node, node.inputs[0] or 0)


_STEPS: tuple[Callable[[_Work, Node], bool], ...] = (_merge, _raise, _sink, _tabulate, _pair, _clamp)
