"""Rescaling, tables, conversions, elementwise: numpy against LiteRT, the runtime's C against numpy."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference import arithmetic, dense, elementwise, tables
from tests.unit.c_runtime import HEADERS, RUNTIME, WARNINGS, Runtime, quant
from tests.unit.single_op import Operand, build, run

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")  # by their number in the schema
ALL = np.arange(-128, 128, dtype=np.int8)
PAIRS = tuple(np.ascontiguousarray(m.ravel()) for m in np.meshgrid(ALL, ALL))


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(list(request.node.name.encode()))


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(tmp_path_factory.mktemp("runtime"))


def test_each_header_is_clean_c99(tmp_path: Path) -> None:
    for header in HEADERS:
        needed = ["requantize"] * header.endswith(("_s8", "_s16")) + ["float_math"] * (header == "float_functions")
        needed += ["functions_s16"] * (header == "softmax_s16")
        first = "".join(f'#include "{name}.h"\n' for name in needed)
        (tmp_path / f"{header}.c").write_text(f'{first}#include "{header}.h"\nextern int nothing;\n')
    for compiler in filter(shutil.which, ("gcc", "clang", "arm-none-eabi-gcc")):
        for header in HEADERS:
            command = [
                compiler,
                "-std=c99",
                "-O2",
                *WARNINGS,
                f"-I{RUNTIME}",
                "-c",
                f"{header}.c",
                "-o",
                "x.o",
            ]
            subprocess.run(command, cwd=tmp_path, check=True)


INTERESTING = np.array(
    [
        0,
        1,
        -1,
        2,
        3,
        -3,
        127,
        -128,
        1 << 14,
        -(1 << 20),
        (1 << 30) - 1,
        1 << 30,
        -(1 << 30),
        2**31 - 1,
        -(2**31),
    ]
)


def test_requantize_c(runtime: Runtime, rng: np.random.Generator) -> None:
    n = 100_000
    acc = np.concatenate([rng.integers(-(2**31), 2**31, n) >> rng.integers(0, 31, n), np.repeat(INTERESTING, 500)])
    multiplier = rng.integers(1 << 30, 1 << 31, acc.size)
    multiplier[::7] = rng.choice([0, 1, 1 << 30, 2**31 - 1], multiplier[::7].size)
    shift = rng.integers(-31, 32, acc.size)
    expected = arithmetic.multiply_by_quantized_multiplier(acc, multiplier, shift)
    assert_array_equal(runtime.call("es_requantize", acc, multiplier, shift), expected)
    high = arithmetic.saturating_rounding_doubling_high_mul(acc, multiplier)
    assert_array_equal(runtime.call("es_high_mul", acc, multiplier), high)
    exponent = rng.integers(0, 32, acc.size)
    divided = arithmetic.rounding_divide_by_pot(acc, exponent)
    assert_array_equal(runtime.call("es_rounding_shift", acc, exponent), divided)
    assert_array_equal(runtime.call("es_wrap", acc.astype(np.int32).view(np.uint32)), acc)
    zp = rng.integers(-128, 128, acc.size)
    wrapped = arithmetic.wrap_int32(expected.astype(np.int64) + zp)
    clamped = arithmetic.clamp_to(wrapped, -100, 99)
    assert_array_equal(runtime.call("es_requantize_s8", acc, multiplier, shift, zp, -100, 99), clamped)


def test_the_two_roundings_by_hand() -> None:
    assert arithmetic.saturating_rounding_doubling_high_mul(-(2**31), -(2**31)) == 2**31 - 1
    assert arithmetic.rounding_divide_by_pot([5, -5, 6, -6, 7], 2).tolist() == [1, -1, 2, -2, 2]
    # 2 / 4 and 6 / 4, less a little: the first rounding takes the little away, the second ties from zero
    multiplier, shift = arithmetic.quantize_multiplier(0.2499999999)
    assert arithmetic.multiply_by_quantized_multiplier([2, 6, -6], multiplier, shift).tolist() == [1, 2, -2]


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (1 << 30, 1)),
        (0.5, (1 << 30, 0)),
        (1.0 - 2.0**-40, (1 << 30, 1)),
        (2.0**-32, (1 << 30, -31)),
        (2.0**-33, (0, 0)),
        (3.0, (3 << 29, 2)),
    ],
)
def test_quantize_multiplier(real: float, expected: tuple[int, int]) -> None:
    assert arithmetic.quantize_multiplier(real) == expected


@pytest.mark.parametrize("real", [-1.0, float("nan"), float("inf")])
def test_quantize_multiplier_refuses(real: float) -> None:
    with pytest.raises(ValueError, match="multiplier"):
        arithmetic.quantize_multiplier(real)


# --- tables --------------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("op", ["RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "TANH", "LOGISTIC", "QUANTIZE"])
def test_tables(op: str, rng: np.random.Generator) -> None:
    for _ in range(120):
        i, o = quant(rng), quant(rng)
        if op == "LOGISTIC":
            o = (1 / 256, o[1])
        make = {
            "TANH": tables.tanh_table,
            "LOGISTIC": tables.logistic_table,
            "QUANTIZE": tables.requantize_table,
        }
        table = make[op](*i, *o) if op in make else tables.relu_table(*i, *o, op)
        model = build(op, [Operand(ALL.shape, np.int8, *i)], Operand(ALL.shape, np.int8, *o))
        assert_array_equal(run(model, ALL), table, err_msg=f"{op} {i} -> {o}")
        assert_array_equal(tables.take(table, ALL), table)


@pytest.mark.oracle
@pytest.mark.parametrize(("source", "target"), [(np.int8, np.uint8), (np.uint8, np.int8)])
def test_requantize_between_signs(source: Any, target: Any, rng: np.random.Generator) -> None:
    x = tables.inputs(source).astype(source)
    for k in range(40):
        (i, zi), (o, zo) = quant(rng), quant(rng)
        zi, zo = zi + 128 * (source == np.uint8), zo + 128 * (target == np.uint8)
        if k < 8:
            o, zo = i, zi + (128 if target == np.uint8 else -128)  # the kernel's short cut: flip the top bit
        table = tables.requantize_table(i, zi, o, zo, source, target)
        model = build("QUANTIZE", [Operand(x.shape, source, i, zi)], Operand(x.shape, target, o, zo))
        assert_array_equal(run(model, x), table)


def test_logistic_refuses_other_scales() -> None:
    with pytest.raises(UnsupportedOpError, match="1/256"):
        tables.logistic_table(0.1, 0, 0.01, 0)


# --- conversions and activation ranges -----------------------------------------------------------


@pytest.mark.oracle
def test_quantize_float(runtime: Runtime, rng: np.random.Generator) -> None:
    for _ in range(60):
        scale, zp = quant(rng, 1e-4, 10.0)
        ties = (np.arange(-300, 300) + 0.5) * scale
        x = np.concatenate([rng.normal(0, 100 * scale, 3000), ties, np.nextafter(ties, 0), [1e6 * scale]])
        x = np.concatenate([x, [-1e6 * scale, 0.0, -0.0]]).astype(np.float32)
        expected = arithmetic.quantize_float(x, scale, zp)
        model = build("QUANTIZE", [Operand(x.shape, np.float32)], Operand(x.shape, np.int8, scale, zp))
        assert_array_equal(run(model, x), expected)
        assert_array_equal(runtime.call("es_quantize_s8", x, scale, zp), expected)
        back = build("DEQUANTIZE", [Operand(ALL.shape, np.int8, scale, zp)], Operand(ALL.shape, np.float32))
        assert_array_equal(run(back, ALL), arithmetic.dequantize(ALL, scale, zp))
        assert_array_equal(runtime.call("es_dequantize", ALL, scale, zp), arithmetic.dequantize(ALL, scale, zp))


def test_quantize_float_saturates(runtime: Runtime) -> None:
    x = np.array([np.inf, -np.inf, np.nan, 3e38, -3e38, 1e10, -1e10], np.float32)
    for scale, zp in itertools.product([1.0, 1e-30, 1e30], [-128, -5, 0, 127]):
        got = arithmetic.quantize_float(x, scale, zp)
        assert got[:3].tolist() == [127, -128, -128]
        assert_array_equal(runtime.call("es_quantize_s8", x, scale, zp), got)
    wide = arithmetic.quantize_float(x, 0.5, 0, np.int16)
    assert_array_equal(runtime.call("es_quantize", x, 0.5, 0, -32768, 32767), wide)


@pytest.mark.oracle
def test_activation_ranges(rng: np.random.Generator) -> None:
    """A 1x1 maximum of all values shows the fused clamp."""
    x = ALL.reshape(1, 256, 1, 1)
    for k in range(80):
        name, o = ACTIVATIONS[k % 4], quant(rng, 1e-3, 0.5)
        model = build(
            "MAX_POOL_2D", [Operand(x.shape, np.int8, *o)], Operand(x.shape, np.int8, *o),
            filterHeight=1, filterWidth=1, strideH=1, strideW=1, fusedActivationFunction=k % 4,
        )  # fmt: skip
        low, high = arithmetic.activation_range(name, np.int8, *o)
        assert_array_equal(run(model, x), np.clip(x, low, high))


@pytest.mark.oracle
def test_float_activation(runtime: Runtime) -> None:
    x = np.array([np.inf, -np.inf, np.nan, -0.0, 0.5, -0.5, 3.0, -3.0, 7.0, 3e38, 1e-45], np.float32)
    a, b = np.meshgrid(x, x)
    functions = {"ADD": elementwise.add_float, "SUB": elementwise.sub_float, "MUL": elementwise.mul_float}
    for (op, function), k in itertools.product(functions.items(), range(4)):
        with np.errstate(invalid="ignore", over="ignore"):
            expected = function(a, b, ACTIVATIONS[k])
        operand = Operand(a.shape, np.float32)
        got = run(build(op, [operand, operand], operand, fusedActivationFunction=k), a, b)
        assert_array_equal(got, expected)
        bounds = arithmetic.float_activation_range(ACTIVATIONS[k])
        c = runtime.call("es_clamp_f32", x, *bounds)
        assert_array_equal(c.view(np.int32), elementwise.clamp_float(x, ACTIVATIONS[k]).view(np.int32))


# --- effective multipliers -----------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("op", ["CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_effective_multipliers(op: str, per_channel: bool, runtime: Runtime, rng: np.random.Generator) -> None:
    """Random accumulators all over the output's range: the biases spread them."""
    channels, rows = 16, 64
    for k in range(60):
        i, o = quant(rng), quant(rng)
        scales = np.float32(rng.uniform(1e-4, 1e-2, channels if per_channel else 1))
        if k % 4 == 0:
            scales = np.exp2(np.round(np.log2(scales)))  # powers of two: ties galore
            i, o = (2.0 ** -int(rng.integers(1, 7)), i[1]), (2.0 ** -int(rng.integers(1, 7)), o[1])
        x = rng.integers(-128, 128, (rows, 4)).astype(np.int8)
        w = rng.integers(-127, 128, (channels, 4)).astype(np.int8)
        real = dense.dense_scales(i[0], scales, o[0])
        bias = (rng.uniform(-140, 140, channels) / real).astype(np.int32)
        acc = (x.astype(np.int64) - i[1]) @ w.T.astype(np.int64) + bias
        shape = (rows, 4) if op == "FULLY_CONNECTED" else (1, rows, 1, 4)
        weights = w if op == "FULLY_CONNECTED" else w.reshape(channels, 1, 1, 4)
        inputs = [
            Operand(shape, np.int8, *i),
            Operand(weights.shape, np.int8, scales, 0, weights),
            Operand((channels,), np.int32, np.float32(i[0]) * scales, 0, bias),
        ]
        options = {"strideW": 1, "strideH": 1} if op == "CONV_2D" else {}
        model = build(op, inputs, Operand((*shape[:-1], channels), np.int8, *o), **options)
        got = run(model, x.reshape(shape)).reshape(rows, channels)

        if op == "FULLY_CONNECTED":
            assert_array_equal(got, dense.dense_output(acc, real, o[1]))
        else:
            fixed = arithmetic.conv_multipliers(i[0], scales, o[0])
            assert_array_equal(got, runtime.call("es_requantize_s8", acc, *fixed, o[1], -128, 127))
            scaled = arithmetic.multiply_by_quantized_multiplier(acc, *fixed).astype(np.int64)
            assert_array_equal(got, arithmetic.clamp_to(scaled + o[1], -128, 127))


def test_dense_steps(runtime: Runtime, rng: np.random.Generator) -> None:
    """Integers for every scale, checked at each step of the function and around it."""
    exact = [1.0, 0.5, 0.25, 2.0**-9, 2.0**-20, 3.0, 1 / 3, 0.1, 2.0**-31, 2.0**-32, 2.0**-33, 100.0, 0.0]
    wide = 0
    for scale in [*exact, *np.exp(rng.uniform(np.log(1e-11), np.log(3.0), 400))]:
        scales, zp = np.array([scale]), int(rng.integers(-128, 128))
        low, high = (zp, 127) if wide % 3 else (-128, 127)
        steps = dense.dense_steps(scales, zp, low, high)
        wide += steps.function == "es_dense_rescale_wide"
        edges = np.array(dense._first_magnitudes(scale, 256))
        acc = np.concatenate([edges - 1, edges, edges + 1, rng.integers(0, 2**31, 50), [0, 2**31 - 1]])
        acc = np.concatenate([acc[acc < 2**31], -acc[acc <= 2**31]])
        got = runtime.call(steps.function, acc, steps.multiplier, steps.shift).astype(np.int64)
        clamped = arithmetic.clamp_to(got + zp, low, high)
        assert_array_equal(clamped, dense.dense_output(acc, scales, zp, low, high), err_msg=str(scale))
    assert 0 < wide < 200


def test_dense_rounds_its_product_to_float32() -> None:
    a, b, o = (float(np.float32(v)) for v in (0.1, 0.3, 0.7))
    assert arithmetic.dense_multipliers(a, [b], o)[0][0] != arithmetic.conv_multipliers(a, [b], o)[0][0]


# --- elementwise ---------------------------------------------------------------------------------


@pytest.mark.oracle
def test_elementwise_all_pairs(runtime: Runtime, rng: np.random.Generator) -> None:
    a, b = PAIRS
    for k in range(30):
        qa, qb, qo = (quant(rng) for _ in range(3))
        if k % 5 == 0:
            qb, qo = (qa[0], qb[1]), (qa[0] * 2, qo[1])
        name = ACTIVATIONS[k % 4]
        add, mul = elementwise.add_params(*qa, *qb, *qo, name), elementwise.mul_params(*qa, *qb, *qo, name)
        expected = {
            "ADD": elementwise.add_int8(a, b, add),
            "SUB": elementwise.sub_int8(a, b, add),
            "MUL": elementwise.mul_int8(a, b, mul),
        }
        operands = [Operand(a.shape, np.int8, *qa), Operand(b.shape, np.int8, *qb)]
        for op, values in expected.items():
            model = build(op, operands, Operand(a.shape, np.int8, *qo), fusedActivationFunction=k % 4)
            assert_array_equal(run(model, a, b), values, err_msg=f"{op} {qa} {qb} {qo} {name}")
        out = [np.empty_like(a) for _ in range(3)]
        p, ffi = runtime.pointer, runtime.ffi
        runtime.lib.all_add(a.size, p(a), p(b), ffi.new("es_add_s8_params *", asdict(add)), p(out[0]), p(out[1]))
        runtime.lib.all_mul(a.size, p(a), p(b), ffi.new("es_mul_s8_params *", asdict(mul)), p(out[2]))
        assert_array_equal(out, [expected["ADD"], expected["SUB"], expected["MUL"]])


@pytest.mark.oracle
def test_elementwise_broadcasts(rng: np.random.Generator) -> None:
    shapes = [((2, 5, 3), (3,)), ((1, 4, 1, 6), (1, 1, 5, 6)), ((7,), (1,)), ((2, 1, 3), (2, 4, 1))]
    for left, right in shapes:
        a, b = (rng.integers(-128, 128, s).astype(np.int8) for s in (left, right))
        qa, qb, qo = (quant(rng) for _ in range(3))
        params = elementwise.add_params(*qa, *qb, *qo)
        operands = [Operand(left, np.int8, *qa), Operand(right, np.int8, *qb)]
        output = Operand(np.broadcast_shapes(left, right), np.int8, *qo)
        assert_array_equal(run(build("SUB", operands, output), a, b), elementwise.sub_int8(a, b, params))
        mul = elementwise.mul_params(*qa, *qb, *qo)
        assert_array_equal(run(build("MUL", operands, output), a, b), elementwise.mul_int8(a, b, mul))


def test_add_refuses_scales_that_abort_the_interpreter() -> None:
    with pytest.raises(UnsupportedOpError, match="multiplier"):
        elementwise.add_params(1.0, 0, 1.0, 0, 1e-7, 0)


# --- what needs no arithmetic --------------------------------------------------------------------


@pytest.mark.oracle
def test_concatenation_refuses_to_rescale() -> None:
    x, axis = np.ones(3, np.int8), {"axis": 0}
    operands = [Operand((3,), np.int8, 0.5, 0), Operand((3,), np.int8, 0.25, 0)]
    with pytest.raises(RuntimeError, match="scale"):
        run(build("CONCATENATION", operands, Operand((6,), np.int8, 0.5, 0), **axis), x, x)


@pytest.mark.oracle
def test_pad_writes_the_zero_point_of_its_output() -> None:
    pads = Operand((1, 2), np.int32, data=np.array([[1, 1]], np.int32))
    model = build("PAD", [Operand((2,), np.int8, 0.5, 3), pads], Operand((4,), np.int8, 0.25, 7))
    assert run(model, np.ones(2, np.int8)).tolist() == [7, 1, 1, 7]


@pytest.mark.oracle
def test_reduce_max_demands_one_quantisation() -> None:
    x, axis = np.arange(3, dtype=np.int8), Operand((1,), np.int32, data=np.array([0], np.int32))
    same, other = Operand((), np.int8, 0.5, 1), Operand((), np.int8, 0.25, 1)
    assert run(build("REDUCE_MAX", [Operand((3,), np.int8, 0.5, 1), axis], same), x) == 2
    with pytest.raises(RuntimeError, match="scale"):
        run(build("REDUCE_MAX", [Operand((3,), np.int8, 0.5, 1), axis], other), x)
