"""int16 arithmetic: numpy against LiteRT's reference kernels, over all inputs of a function; the C against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference import arithmetic, dense, reduce
from edgeshift.reference import elementwise_int16 as elementwise
from edgeshift.reference import functions_int16 as functions
from tests.unit.c_runtime import Runtime
from tests.unit.single_op import Operand, build, run

ALL = np.arange(-32768, 32768).astype(np.int16)
UNIT = 1 / 32768


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(list(request.node.name.encode()))


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(tmp_path_factory.mktemp("runtime"))


def scale(rng: np.random.Generator, low: float = 1e-5, high: float = 1e-2) -> float:
    return float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))


def operand(values: np.ndarray, scale_: float, constant: bool = False) -> Operand:
    return Operand(values.shape, values.dtype, scale_, 0, values if constant else None)


def reference(op: str, scales: tuple[float, float], x: np.ndarray = ALL, **options: Any) -> np.ndarray:
    return run(build(op, [operand(x, scales[0])], operand(x, scales[1]), **options), x)


# -- functions of one element


@pytest.mark.oracle
@pytest.mark.parametrize("op", ["LOGISTIC", "TANH"])
def test_sigmoids(op: str, runtime: Runtime, rng: np.random.Generator) -> None:
    """At scales that are powers of two, at those around them, and at any."""
    powers = [2.0**e * f for e in (-13, -12, -11, -10) for f in (1.0, 1.0004, 1.01)]
    for in_scale in (*powers, *(scale(rng, 1e-7, 3.0) for _ in range(12))):
        steps = functions.steps_of(in_scale, UNIT, op)
        ours = (functions.logistic if op == "LOGISTIC" else functions.tanh)(ALL, steps)
        assert_array_equal(reference(op, (in_scale, UNIT)), ours, err_msg=f"{op} {in_scale}")
        table = np.ascontiguousarray(functions.sigmoid_table())
        assert_array_equal(runtime.with_table(f"es_{op.lower()}_lut", ALL, table, steps.multiplier, steps.shift), ours)


@pytest.mark.oracle
@pytest.mark.parametrize("op", ["EXP", "LOG", "RSQRT", "GELU"])
def test_tables(op: str, runtime: Runtime, rng: np.random.Generator) -> None:
    for number in range(12):
        scales = scale(rng), scale(rng)
        options = {"approximate": number % 2 > 0} if op == "GELU" else {}
        table = getattr(functions, f"{op.lower()}_table")(*scales, *options.values())
        ours = functions.looked_up(ALL, table)
        judged = ALL if op != "RSQRT" else ALL[ALL >= 0]  # below zero the interpreter stops
        theirs = reference(op, scales, judged, **options)
        assert_array_equal(theirs, ours[judged[0] <= ALL], err_msg=f"{op} {scales}")
        assert_array_equal(runtime.with_table("es_lookup_s16", ALL, table), ours)


@pytest.mark.oracle
def test_softmax(runtime: Runtime, rng: np.random.Generator) -> None:
    tables = functions.softmax_tables()
    for depth in (1, 2, 3, 12, 100, 700):
        for beta in (1.0, 0.3):
            in_scale = scale(rng, 1e-5, 3e-2)
            x = rng.normal(0, rng.uniform(50, 12000), (20, depth)).clip(-32768, 32767).astype(np.int16)
            x[0] = x[0, 0]
            multiplier = functions.softmax_multiplier(beta, in_scale)
            ours = functions.softmax(x, *multiplier)
            assert_array_equal(reference("SOFTMAX", (in_scale, UNIT), x, beta=beta), ours)
            assert_array_equal(runtime.softmax_s16(x, multiplier, tables), ours)


# -- two operands


def corners(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    extreme = np.array([-32768, -32767, -1, 0, 1, 32766, 32767], np.int16)
    a, b = (g.ravel() for g in np.meshgrid(extreme, extreme))
    more = rng.integers(-32768, 32768, (2, 2000)).astype(np.int16)
    return np.append(a, more[0]), np.append(b, more[1])


@pytest.mark.oracle
@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL"])
def test_elementwise(op: str, rng: np.random.Generator) -> None:
    x, y = corners(rng)
    ours = {"ADD": elementwise.add, "SUB": elementwise.sub, "MUL": elementwise.mul}[op]
    for code, name in ((0, "NONE"), (1, "RELU"), (3, "RELU6"), (2, "RELU_N1_TO_1")):
        for _ in range(4):
            scales = scale(rng, 1e-5, 1e-3), scale(rng, 1e-5, 1e-3), scale(rng, 1e-5, 1e-3)
            general = {"potScaleInt16": False} if op != "MUL" else {}
            params: Any = (
                elementwise.mul_params(*scales, name)
                if op == "MUL"
                else elementwise.add_params(*scales, name, powers=False)
            )
            model = build(op, [operand(x, scales[0]), operand(y, scales[1])], operand(x, scales[2]),
                          fusedActivationFunction=code, **general)  # fmt: skip
            assert_array_equal(run(model, x, y), ours(x, y, params), err_msg=f"{op} {scales} {name}")


@pytest.mark.oracle
@pytest.mark.parametrize("op", ["ADD", "SUB"])
def test_elementwise_of_powers_of_two(op: str, rng: np.random.Generator) -> None:
    x, y = corners(rng)
    ours = elementwise.add if op == "ADD" else elementwise.sub
    for exponents in ((-12, -12, -12), (-15, -12, -12), (-11, -14, -11), (-12, -12, -10), (-10, -12, -12)):
        scales = [2.0**e for e in exponents]
        model = build(op, [operand(x, scales[0]), operand(y, scales[1])], operand(x, scales[2]), potScaleInt16=True)
        try:
            params = elementwise.add_params(scales[0], scales[1], scales[2], "NONE", powers=True)
        except UnsupportedOpError:
            with pytest.raises(RuntimeError, match="input[12]_shift"):
                run(model, x, y)
            continue
        assert isinstance(params, elementwise.ShiftedAddParams)
        assert_array_equal(run(model, x, y), ours(x, y, params), err_msg=f"{op} {exponents}")


@pytest.mark.oracle
def test_prelu(rng: np.random.Generator) -> None:
    x = corners(rng)[0]
    slopes = rng.integers(-128, 128, len(x)).astype(np.int8)
    for _ in range(6):
        scales = scale(rng), scale(rng, 1e-3, 1e-1), scale(rng)
        model = build("PRELU", [operand(x, scales[0]), operand(slopes, scales[1])], operand(x, scales[2]))
        assert_array_equal(run(model, x, slopes), elementwise.prelu(x, slopes, elementwise.prelu_params(*scales)))


# -- sums


def test_rescale_of_wide_sums(runtime: Runtime, rng: np.random.Generator) -> None:
    acc = rng.integers(-(2**47) + 1, 2**47, 4000) >> rng.integers(0, 46, 4000)
    multiplier = rng.integers(1 << 30, 1 << 31, 4000)
    multiplier[:200] = 0x7FFF0000 + rng.integers(-2, 0xFFFF, 200)
    pair = arithmetic.reduced_multipliers(multiplier, rng.integers(-31, 8, 4000))
    assert_array_equal(runtime.call("es_rescale_s16", acc, *pair), arithmetic.rescale_wide(acc, *pair))


def test_dense_rescale_of_wide_sums(runtime: Runtime, rng: np.random.Generator) -> None:
    """Where integers that step as the doubles do are found, and where the doubles are followed."""
    seen = set()
    for number in range(300):
        real = 2.0 ** rng.integers(-40, 3) if number % 3 == 0 else np.exp(rng.uniform(-25, 3))
        scales, most = np.array([real]), int(2 ** rng.uniform(24, 47))
        steps = dense.dense_steps(scales, 0, -32768, 32767, most)
        seen.add(steps.function)
        edges = np.round((rng.integers(0, 32768, 400) + 0.5) / real).astype(np.int64)
        acc = np.concatenate([edges - 1, edges, edges + 1, rng.integers(0, most, 100), [0, most - 1]])
        acc = np.concatenate([acc[acc < most], -acc[acc < most]])
        got = runtime.call(steps.function, acc, steps.multiplier, steps.shift)
        ours = dense.dense_output(acc, scales, 0, -32768, 32767, np.int16)
        assert_array_equal(np.clip(got, -32768, 32767), ours, err_msg=f"{real} {most}")
    assert seen == {"es_dense_rescale", "es_dense_rescale_wide", "es_dense_rescale_long"}


@pytest.mark.oracle
@pytest.mark.parametrize("bias_type", [np.int64, np.int32])
@pytest.mark.parametrize("op", ["CONV_2D", "FULLY_CONNECTED"])
def test_layers(op: str, bias_type: Any, rng: np.random.Generator) -> None:
    """Sums that stay within 32 bits, and sums that do not: with an int32 bias they wrap."""
    for depth, size in ((6, 1000), (40, 2**20), (700, 2**30)):
        weights = rng.integers(-127, 128, (5, depth)).astype(np.int8)
        x = rng.integers(-32768, 32768, (30, depth)).astype(np.int16)
        x[0], x[1] = 32767, -32768
        bias = rng.integers(-size, size, 5).astype(bias_type)
        if bias_type == np.int64 and depth == 700:
            bias *= 64
        in_scale, scales, out_scale = scale(rng), [scale(rng) for _ in range(5)], scale(rng, 1e-3, 1)
        acc = x.astype(np.int64) @ weights.astype(np.int64).T + bias
        shape = (30, depth) if op == "FULLY_CONNECTED" else (1, 30, 1, depth)
        kernel = weights if op == "FULLY_CONNECTED" else weights.reshape(5, 1, 1, depth)
        options = {"quantizedBiasType": {np.int64: 4, np.int32: 2}[bias_type]}
        options |= {"strideW": 1, "strideH": 1} if op == "CONV_2D" else {}
        operands = [
            operand(x.reshape(shape), in_scale),
            Operand(kernel.shape, np.int8, scales, 0, kernel),
            Operand((5,), bias_type, np.float32(in_scale) * np.array(scales, np.float32), 0, bias),
        ]
        got = run(build(op, operands, Operand((*shape[:-1], 5), np.int16, out_scale), **options), x.reshape(shape))
        acc = acc if bias_type == np.int64 else arithmetic.wrap_int32(acc)
        if op == "FULLY_CONNECTED":
            ours = dense.dense_output(acc, dense.dense_scales(in_scale, scales, out_scale), 0, -32768, 32767, np.int16)
        else:
            multipliers = arithmetic.conv_multipliers(in_scale, scales, out_scale)
            if bias_type == np.int64:
                done = arithmetic.rescale_wide(acc, *arithmetic.reduced_multipliers(*multipliers))
            else:
                done = arithmetic.multiply_by_quantized_multiplier(acc, *multipliers)
            ours = arithmetic.clamp_to(done, -32768, 32767, np.int16)
        assert_array_equal(got.reshape(30, 5), ours, err_msg=f"{op} {depth}")


@pytest.mark.oracle
def test_mean(runtime: Runtime, rng: np.random.Generator) -> None:
    for count in (1, 2, 3, 40, 1000):
        x = rng.integers(-32768, 32768, (1, count, 50)).astype(np.int16)
        scales = scale(rng), scale(rng)
        inputs = [operand(x, scales[0]), Operand((1,), np.int32, data=np.array([1], np.int32))]
        got = run(build("MEAN", inputs, Operand((1, 50), np.int16, scales[1])), x)
        params = reduce.mean_params(scales[0], 0, scales[1], 0, count)
        acc = x.astype(np.int64).sum(axis=1)
        assert_array_equal(got, reduce.mean_integer(acc, params, np.int16))
        assert_array_equal(got, runtime.call("es_mean_s16", acc, 0, params.multiplier, params.shift, 0))
