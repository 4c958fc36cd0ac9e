"""Reductions, softmax and float functions: numpy against LiteRT, and the runtime's C against numpy."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference import arithmetic, float_math, reduce, softmax
from tests.unit.c_runtime import Runtime, quant
from tests.unit.single_op import Operand, build, run

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")  # by their number in the schema


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(list(request.node.name.encode()))


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(tmp_path_factory.mktemp("runtime"))


# --- reductions ----------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("op", ["MEAN", "SUM"])
def test_reductions(op: str, runtime: Runtime, rng: np.random.Generator) -> None:
    for k in range(150):
        shape = tuple(int(v) for v in rng.integers(1, 9, rng.integers(1, 5)))
        axes = [int(a) for a in rng.permutation(len(shape))[: rng.integers(1, len(shape) + 1)]]
        if k < 10:
            shape, axes = (1, 7, 5, 6), [[1, 2], [2, 1], [-2, -3], [1], [0, 1, 2, 3]][k % 5]
        keep, i = bool(k % 2), quant(rng)
        o = quant(rng) if k % 3 else i
        x = rng.integers(-128, 128, shape).astype(np.int8)
        if k % 4 == 1:
            x = np.abs(x.astype(np.int64) // 2).astype(np.int8)
        values = x if op == "MEAN" else x.view(np.uint8)
        acc = values.astype(np.int64).sum(axis=tuple(axes), keepdims=keep)
        count = x.size // acc.size
        if op == "MEAN":
            params, function = reduce.mean_params(*i, *o, count), "es_mean_s8"
            expected = reduce.mean_integer(acc, params)
        else:
            params, function = reduce.sum_params(*i, *o, count), "es_sum_reference_s8"
            expected = reduce.sum_int8_reference(acc, params)
        axis = Operand((len(axes),), np.int32, data=np.array(axes, np.int32))
        model = build(op, [Operand(shape, np.int8, *i), axis], Operand(acc.shape, np.int8, *o), keepDims=keep)
        assert_array_equal(run(model, x), expected, err_msg=f"{op} {shape} {axes} {i} {o}")
        fields = (params.sum_offset, params.multiplier, params.shift, params.output_offset)
        assert_array_equal(runtime.call(function, acc, *fields), expected)


@pytest.mark.oracle
def test_sum_of_the_builtin_kernels(runtime: Runtime, rng: np.random.Generator) -> None:
    for _ in range(100):
        shape, i = (int(rng.integers(2, 60)), 32), quant(rng)
        o = (float(np.float32(i[0] * rng.uniform(0.2, 20))), int(rng.integers(-128, 128)))
        x = rng.integers(-128, 128, shape).astype(np.int8)
        acc, params = x.astype(np.int32).sum(axis=0), reduce.float_sum_params(*i, *o, shape[0])
        axis = Operand((1,), np.int32, data=np.array([0], np.int32))
        model = build("SUM", [Operand(shape, np.int8, *i), axis], Operand((32,), np.int8, *o))
        expected = reduce.sum_int8_builtin(acc, params)
        assert_array_equal(run(model, x, reference=False), expected)
        fields = (params.scale, params.bias, params.output_offset)
        assert_array_equal(runtime.call("es_sum_builtin_s8", acc, *fields), expected)


@pytest.mark.oracle
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_average_pool(padding: str, runtime: Runtime, rng: np.random.Generator) -> None:
    for k in range(40):
        n, size, name = 40, int(rng.integers(2, 9)), ACTIVATIONS[k % 4]
        o, x = quant(rng), rng.integers(-128, 128, (1, n, 1, 8)).astype(np.int8)
        outputs = n if padding == "SAME" else n - size + 1
        before = (size - 1) // 2 if padding == "SAME" else 0
        spans = [(max(t - before, 0), min(t - before + size, n)) for t in range(outputs)]
        acc = np.array([x[0, a:b, 0].astype(np.int64).sum(axis=0) for a, b in spans])
        count = np.array([[b - a] for a, b in spans])
        low, high = arithmetic.activation_range(name, np.int8, *o)
        expected = reduce.average_pool_int8(acc, count, low, high)
        model = build(
            "AVERAGE_POOL_2D", [Operand(x.shape, np.int8, *o)], Operand((1, outputs, 1, 8), np.int8, *o),
            filterHeight=size, filterWidth=1, strideH=1, strideW=1, fusedActivationFunction=k % 4,
            padding=0 if padding == "SAME" else 1,
        )  # fmt: skip
        assert_array_equal(run(model, x)[0, :, 0], expected)
        assert_array_equal(runtime.call("es_average_pool_s8", acc, count, low, high), expected)


@pytest.mark.oracle
def test_float_reductions(rng: np.random.Generator) -> None:
    for shape, axes in [((1, 30, 7), [1]), ((1, 30, 7), [0, 1]), ((3, 5, 4, 6), [2, 1]), ((9, 8), [0, 1])]:
        x = (rng.normal(size=shape) * 10.0 ** rng.uniform(-4, 4, shape)).astype(np.float32)
        axis = Operand((len(axes),), np.int32, data=np.array(axes, np.int32))
        for op, function in (("MEAN", reduce.mean_float), ("SUM", reduce.sequential_sum)):
            expected = function(x, axes)
            model = build(op, [Operand(shape, np.float32), axis], Operand(expected.shape, np.float32))
            assert_array_equal(run(model, x), expected)


# --- softmax and float functions -----------------------------------------------------------------


@pytest.mark.oracle
def test_softmax_int8(runtime: Runtime, rng: np.random.Generator) -> None:
    for k in range(60):
        n = int(rng.integers(1, 80)) if k else softmax.MAX_ROW
        scale, beta = quant(rng, 1e-4, 3.0)[0], float(rng.choice([1.0, 0.5, 3.0]))
        x = rng.integers(-128, 128, (60, n)).astype(np.int8) // rng.integers(1, 30, (60, 1)).astype(np.int8)
        params = softmax.softmax_params(beta, scale)
        expected = softmax.softmax_int8(x, params)
        model = build(
            "SOFTMAX",
            [Operand(x.shape, np.int8, scale, 3)],
            Operand(x.shape, np.int8, 1 / 256, -128),
            beta=beta,
        )
        assert_array_equal(run(model, x), expected, err_msg=f"{scale} {beta} {n}")
        rows = x.copy()
        struct = runtime.ffi.new("es_softmax_s8_params *", asdict(params))
        runtime.lib.all_softmax(*x.shape, struct, runtime.pointer(rows))
        assert_array_equal(rows, expected)


@pytest.mark.oracle
@pytest.mark.parametrize("scale", [2e-8, 31.0, 33.0, 1e4])
def test_softmax_at_extreme_scales(scale: float, runtime: Runtime, rng: np.random.Generator) -> None:
    scale = float(np.float32(scale))
    x = rng.integers(-128, 128, (50, 12)).astype(np.int8)
    params = softmax.softmax_params(1.0, scale)
    model = build("SOFTMAX", [Operand(x.shape, np.int8, scale)], Operand(x.shape, np.int8, 1 / 256, -128), beta=1.0)
    assert_array_equal(run(model, x), softmax.softmax_int8(x, params))
    rows = x.copy()
    runtime.lib.all_softmax(*x.shape, runtime.ffi.new("es_softmax_s8_params *", asdict(params)), runtime.pointer(rows))
    assert_array_equal(rows, softmax.softmax_int8(x, params))


def test_softmax_rows_beyond_the_interpreter(runtime: Runtime) -> None:
    x = np.zeros((1, 600), np.int8)
    params = softmax.softmax_params(1.0, 0.1)
    assert (softmax.softmax_int8(x, params) == -128).all()
    with pytest.raises(UnsupportedOpError, match="too small"):
        softmax.softmax_params(1.0, 1e-9)


def ulps(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Distance to float64 values in units of their last float32 place."""
    _, exponent = np.frexp(exact)
    return np.abs(got.astype(np.float64) - exact) / np.ldexp(1.0, np.maximum(exponent - 24, -149))


def test_float_functions(runtime: Runtime, rng: np.random.Generator) -> None:
    bits = np.concatenate([rng.integers(0, 2**32, 200_000), rng.integers(0x3A000000, 0x43000000, 200_000)])
    x = bits.astype(np.uint32).view(np.float32)
    x = np.concatenate([x, -x, np.float32([0.0, -0.0, np.inf, -np.inf, np.nan, 88.72283, 88.72284, -103.9, -104.1])])
    for name in ("exp", "tanh", "logistic"):
        expected = getattr(float_math, f"{name}_float")(x)
        got = runtime.call(f"es_{name}f", x)
        same = (got.view(np.int32) == expected.view(np.int32)) | (np.isnan(got) & np.isnan(expected))
        assert same.all(), (name, x[~same][:5])
    with np.errstate(all="ignore"):
        finite = x[np.abs(x) < 88.7]
        assert ulps(float_math.exp_float(finite), np.exp(finite.astype(np.float64))).max() < 0.8
        assert ulps(float_math.tanh_float(finite), np.tanh(finite.astype(np.float64))).max() < 1.6
    ends = float_math.exp_float([0.0, np.inf, -np.inf, 89.0, -110.0, np.nan])
    assert_array_equal(ends, np.float32([1, np.inf, 0, np.inf, 0, np.nan]))


@pytest.mark.oracle
@pytest.mark.parametrize("op", ["LOGISTIC", "TANH", "SOFTMAX"])
def test_float_functions_are_near_the_interpreter(op: str, runtime: Runtime, rng: np.random.Generator) -> None:
    x = (rng.normal(size=(500, 40)) * 10.0 ** rng.uniform(-3, 1.5, (500, 1))).astype(np.float32)
    operand = Operand(x.shape, np.float32)
    theirs = run(build(op, [operand], operand, **({"beta": 1.0} if op == "SOFTMAX" else {})), x)
    ours = getattr(float_math, f"{op.lower()}_float")(x)
    apart = np.abs(ours.view(np.int32).astype(np.int64) - theirs.view(np.int32))
    assert apart.max() <= (4 if op == "SOFTMAX" else 2)
    if op == "SOFTMAX":
        rows = x.copy()
        runtime.lib.all_softmax_f32(*x.shape, 1.0, runtime.pointer(rows))
        assert_array_equal(rows.view(np.int32), ours.view(np.int32))
