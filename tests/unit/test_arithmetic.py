"""The arithmetic three times: numpy against LiteRT's reference kernels, and the C of firmware/runtime against numpy."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference import arithmetic, elementwise, float_math, reduce, softmax, tables
from tests.unit.single_op import Operand, build, run

RUNTIME = Path(__file__).parents[2] / "firmware" / "runtime"
HEADERS = ("requantize", "softmax_s8", "elementwise_s8", "reduce_s8", "convert", "float_math")
ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")  # by their number in the schema
ALL = np.arange(-128, 128, dtype=np.int8)
PAIRS = tuple(np.ascontiguousarray(m.ravel()) for m in np.meshgrid(ALL, ALL))


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(list(request.node.name.encode()))


def quant(rng: np.random.Generator, low: float = 1e-3, high: float = 0.3) -> tuple[float, int]:
    """A random scale, exact in float32, and zero point; now and then an extreme zero point."""
    scale = float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))
    return scale, int(rng.choice([-128, 0, 127, *rng.integers(-128, 128, 6)]))


def unary(
    op: str, i: tuple[float, int], o: tuple[float, int], x: np.ndarray = ALL, **options: Any
) -> np.ndarray:
    return run(build(op, [Operand(x.shape, x.dtype, *i)], Operand(x.shape, np.int8, *o), **options), x)


# --- C -------------------------------------------------------------------------------------------

# every function in a loop over arrays; `T name(arguments)` becomes `void all_name(n, arrays..., T *out)`
LOOPS = {
    "int32_t es_requantize": "int32_t acc, int32_t multiplier, int32_t shift",
    "int32_t es_high_mul": "int32_t a, int32_t b",
    "int32_t es_rounding_shift": "int32_t x, int32_t exponent",
    "int32_t es_wrap": "uint32_t x",
    "int8_t es_requantize_s8": "int32_t acc, int32_t m, int32_t s, int32_t zp, int32_t low, int32_t high",
    "int8_t es_mean_s8": "int32_t sum, int32_t offset, int32_t m, int32_t s, int32_t zp",
    "int8_t es_sum_reference_s8": "int32_t sum, int32_t offset, int32_t m, int32_t s, int32_t zp",
    "int8_t es_sum_builtin_s8": "int32_t sum, float scale, float bias, int32_t zp",
    "int8_t es_average_pool_s8": "int32_t sum, int32_t count, int32_t low, int32_t high",
    "int32_t es_quantize": "float x, float scale, int32_t zp, int32_t low, int32_t high",
    "int8_t es_quantize_s8": "float x, float scale, int32_t zp",
    "float es_dequantize": "int32_t q, float scale, int32_t zp",
    "float es_expf": "float x",
    "float es_tanhf": "float x",
    "float es_logisticf": "float x",
    "float es_clamp_f32": "float x, float low, float high",
}
ROWS = """
void all_add(int32_t n, const int8_t *a, const int8_t *b, const es_add_s8_params *p, int8_t *sum, int8_t *difference);
void all_mul(int32_t n, const int8_t *a, const int8_t *b, const es_mul_s8_params *p, int8_t *out);
void all_softmax(int32_t rows, int32_t n, const es_softmax_s8_params *p, int8_t *x);
void all_softmax_f32(int32_t rows, int32_t n, float beta, float *x);
"""
ROWS_C = """
void all_add(int32_t n, const int8_t *a, const int8_t *b, const es_add_s8_params *p, int8_t *s, int8_t *d)
{ for (int32_t i = 0; i < n; ++i) { s[i] = es_add_s8(a[i], b[i], p); d[i] = es_sub_s8(a[i], b[i], p); } }
void all_mul(int32_t n, const int8_t *a, const int8_t *b, const es_mul_s8_params *p, int8_t *out)
{ for (int32_t i = 0; i < n; ++i) out[i] = es_mul_s8(a[i], b[i], p); }
void all_softmax(int32_t rows, int32_t n, const es_softmax_s8_params *p, int8_t *x)
{ for (int32_t i = 0; i < rows; ++i) es_softmax_s8(x + i * n, n, p, x + i * n); }
void all_softmax_f32(int32_t rows, int32_t n, float beta, float *x)
{ for (int32_t i = 0; i < rows; ++i) es_softmax_f32(x + i * n, n, beta, x + i * n); }
"""
STRUCTS = """
typedef struct { int32_t multiplier, shift, diff_min; } es_softmax_s8_params;
typedef struct { int32_t a_offset, b_offset, a_multiplier, b_multiplier, a_shift, b_shift; int32_t output_offset,
    output_multiplier, output_shift, activation_min, activation_max; } es_add_s8_params;
typedef struct { int32_t a_offset, b_offset, output_offset, output_multiplier, output_shift, activation_min,
    activation_max; } es_mul_s8_params;
"""
FLAGS = "-std=c99 -O1 -ffp-contract=off -fsanitize=undefined -fno-sanitize-recover=all".split()
WARNINGS = "-Wall -Wextra -Wconversion -pedantic -Werror".split()


class Runtime:
    """The headers, compiled: `call("es_requantize", acc, multiplier, shift)` broadcasts over arrays."""

    def __init__(self, folder: Path) -> None:
        declarations, bodies = STRUCTS + ROWS, ""
        for name, arguments in LOOPS.items():
            result, function = name.split()
            arrays = ", ".join("const {} *{}".format(*a.split()) for a in arguments.split(", "))
            values = ", ".join(a.split()[1] + "[i]" for a in arguments.split(", "))
            head = f"void all_{function}(int32_t n, {arrays}, {result} *out)"
            declarations += head + ";\n"
            bodies += f"{head} {{ for (int32_t i = 0; i < n; ++i) out[i] = {function}({values}); }}\n"
        includes = "".join(f'#include "{RUNTIME / header}.h"\n' for header in HEADERS)
        builder = cffi.FFI()
        builder.cdef(declarations)
        builder.set_source(
            "arithmetic_runtime", includes + bodies + ROWS_C, extra_compile_args=FLAGS, extra_link_args=FLAGS
        )
        path = builder.compile(tmpdir=str(folder))
        spec = importlib.util.spec_from_file_location("arithmetic_runtime", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.ffi, self.lib = module.ffi, module.lib

    def pointer(self, array: np.ndarray) -> Any:
        names = {"int8": "int8_t", "int32": "int32_t", "uint32": "uint32_t", "float32": "float"}
        return self.ffi.from_buffer(names[array.dtype.name] + "[]", array)

    def call(self, function: str, *values: Any) -> np.ndarray:
        (name, arguments) = next(item for item in LOOPS.items() if item[0].endswith(" " + function))
        types = [a.split()[0].removesuffix("_t").replace("float", "float32") for a in arguments.split(", ")]
        arrays = np.broadcast_arrays(*values)
        arrays = [np.ascontiguousarray(a, t) for a, t in zip(arrays, types, strict=True)]
        out = np.empty(arrays[0].shape, name.split()[0].removesuffix("_t").replace("float", "float32"))
        getattr(self.lib, "all_" + function)(out.size, *map(self.pointer, arrays), self.pointer(out))
        return out


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(tmp_path_factory.mktemp("runtime"))


def test_each_header_is_clean_c99(tmp_path: Path) -> None:
    for header in HEADERS:
        first = '#include "requantize.h"\n' if header.endswith("_s8") else ""
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
    acc = np.concatenate(
        [rng.integers(-(2**31), 2**31, n) >> rng.integers(0, 31, n), np.repeat(INTERESTING, 500)]
    )
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
    # 3 / 4 - a little: 1.49999997 halves are rounded to 1, and that to 1; 1 / 4 - a little: 0.49999999 halves to 0
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
@pytest.mark.parametrize(
    "op", ["RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "TANH", "LOGISTIC", "QUANTIZE"]
)
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
        assert_array_equal(unary(op, i, o), table, err_msg=f"{op} {i} -> {o}")
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
        assert_array_equal(
            runtime.call("es_dequantize", ALL, scale, zp), arithmetic.dequantize(ALL, scale, zp)
        )


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
@pytest.mark.parametrize("op", ["FULLY_CONNECTED", "CONV_2D"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_effective_multipliers(op: str, per_channel: bool, rng: np.random.Generator) -> None:
    """Weights of 127 and biases over the int32 range: the output shows the multiplier to its last bits."""
    channels, rows = 16, 64
    for _ in range(40):
        i, o = quant(rng), quant(rng)
        scales = np.float32(rng.uniform(1e-4, 1e-2, channels if per_channel else 1))
        x = rng.integers(-128, 128, (rows, 4)).astype(np.int8)
        w = rng.integers(-127, 128, (channels, 4)).astype(np.int8)
        per_step = float(i[0]) * scales.astype(np.float64) / o[0]
        bias = np.round(rng.uniform(-100, 100, channels) / per_step).clip(-(2**30), 2**30).astype(np.int32)
        acc = (x.astype(np.int64) - i[1]) @ w.T.astype(np.int64) + bias
        make = arithmetic.dense_multipliers if op == "FULLY_CONNECTED" else arithmetic.conv_multipliers
        multiplier, shift = make(i[0], scales, o[0])
        scaled = arithmetic.multiply_by_quantized_multiplier(acc, multiplier, shift).astype(np.int64) + o[1]
        shape = (rows, 4) if op == "FULLY_CONNECTED" else (1, rows, 1, 4)
        weights = w if op == "FULLY_CONNECTED" else w.reshape(channels, 1, 1, 4)
        bias_scales = np.float32(i[0]) * scales
        inputs = [
            Operand(shape, np.int8, *i),
            Operand(weights.shape, np.int8, scales, 0, weights),
            Operand((channels,), np.int32, bias_scales, 0, bias),
        ]
        options = {"strideW": 1, "strideH": 1} if op == "CONV_2D" else {}
        model = build(op, inputs, Operand((*shape[:-1], channels), np.int8, *o), **options)
        expected = arithmetic.clamp_to(scaled, -128, 127)
        assert_array_equal(run(model, x.reshape(shape)).reshape(rows, channels), expected)


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
        runtime.lib.all_add(
            a.size, p(a), p(b), ffi.new("es_add_s8_params *", asdict(add)), p(out[0]), p(out[1])
        )
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
            expected = reduce.mean_int8(acc, params)
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
    model = build(
        "SOFTMAX", [Operand(x.shape, np.int8, scale)], Operand(x.shape, np.int8, 1 / 256, -128), beta=1.0
    )
    assert_array_equal(run(model, x), softmax.softmax_int8(x, params))
    rows = x.copy()
    runtime.lib.all_softmax(
        *x.shape, runtime.ffi.new("es_softmax_s8_params *", asdict(params)), runtime.pointer(rows)
    )
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
    x = np.concatenate(
        [x, -x, np.float32([0.0, -0.0, np.inf, -np.inf, np.nan, 88.72283, 88.72284, -103.9, -104.1])]
    )
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
def test_float_functions_are_near_the_interpreter(
    op: str, runtime: Runtime, rng: np.random.Generator
) -> None:
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
