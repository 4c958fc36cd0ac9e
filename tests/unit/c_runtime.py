"""The headers of firmware/runtime, compiled with the undefined-behaviour sanitiser and called on arrays."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import cffi
import numpy as np

RUNTIME = Path(__file__).parents[2] / "firmware" / "runtime"
HEADERS = ("requantize", "softmax_s8", "elementwise_s8", "reduce_s8", "convert", "float_math", "float_functions")
HEADERS += ("fixed_s16", "requantize_s16", "reduce_s16", "functions_s16", "softmax_s16")

# every function in a loop over arrays; `T name(arguments)` becomes `void all_name(n, arrays..., T *out)`
LOOPS = {
    "int32_t es_requantize": "int32_t acc, int32_t multiplier, int32_t shift",
    "int32_t es_high_mul": "int32_t a, int32_t b",
    "int32_t es_rounding_shift": "int32_t x, int32_t exponent",
    "int32_t es_wrap": "uint32_t x",
    "int8_t es_requantize_s8": "int32_t acc, int32_t m, int32_t s, int32_t zp, int32_t low, int32_t high",
    "int32_t es_dense_rescale": "int32_t acc, uint32_t multiplier, int32_t shift",
    "int32_t es_dense_rescale_wide": "int32_t acc, uint64_t multiplier, int32_t shift",
    "int32_t es_even_rescale": "int32_t acc, uint32_t multiplier, int32_t shift",
    "int32_t es_rescale_s16": "int64_t acc, int32_t multiplier, int32_t shift",
    "int32_t es_dense_rescale_long": "int64_t acc, uint64_t multiplier, int32_t shift",
    "int16_t es_mean_s16": "int32_t sum, int32_t offset, int32_t m, int32_t s, int32_t zp",
    "int8_t es_mean_s8": "int32_t sum, int32_t offset, int32_t m, int32_t s, int32_t zp",
    "int8_t es_sum_reference_s8": "int32_t sum, int32_t offset, int32_t m, int32_t s, int32_t zp",
    "int8_t es_sum_builtin_s8": "int32_t sum, float scale, float bias, int32_t zp",
    "int8_t es_average_pool_s8": "int32_t sum, int32_t count, int32_t low, int32_t high",
    "int32_t es_quantize": "float x, float scale, int32_t zp, int32_t low, int32_t high",
    "int8_t es_quantize_s8": "float x, float scale, int32_t zp",
    "int8_t es_quantize_even": "float x, float scale, int32_t zp",
    "float es_dequantize": "int32_t q, float scale, int32_t zp",
    "int32_t es_logistic_s16": "int32_t x",
    "int32_t es_tanh_s16": "int32_t x, int32_t integer_bits",
    "float es_expf": "float x",
    "float es_tanhf": "float x",
    "float es_logisticf": "float x",
    "float es_clamp_f32": "float x, float low, float high",
    "float es_sqrtf": "float x",
    "float es_rsqrtf": "float x",
    "float es_logf": "float x",
    "float es_eluf": "float x",
    "float es_erfcf": "float x",
    "float es_erff": "float x",
    "float es_geluf": "float x",
    "float es_gelu_tanhf": "float x",
    "float es_hard_swishf": "float x",
}
ROWS = """
void all_add(int32_t n, const int8_t *a, const int8_t *b, const es_add_s8_params *p, int8_t *s, int8_t *d);
void all_mul(int32_t n, const int8_t *a, const int8_t *b, const es_mul_s8_params *p, int8_t *out);
void all_softmax(int32_t rows, int32_t n, const es_softmax_s8_params *p, int8_t *x);
void all_softmax_f32(int32_t rows, int32_t n, float beta, float *x);
void all_softmax_s16(int32_t rows, int32_t n, int32_t m, int32_t s, const int16_t *e, const int16_t *i, int16_t *x);
void all_es_lookup_s16(int32_t n, const int16_t *x, const int16_t *table, int16_t *out);
void all_es_logistic_lut(int32_t n, const int16_t *x, const uint16_t *table, int32_t m, int32_t s, int16_t *out);
void all_es_tanh_lut(int32_t n, const int16_t *x, const uint16_t *table, int32_t m, int32_t s, int16_t *out);
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
void all_softmax_s16(int32_t rows, int32_t n, int32_t m, int32_t s, const int16_t *e, const int16_t *i, int16_t *x)
{ for (int32_t r = 0; r < rows; ++r) es_softmax_s16(x + r * n, n, m, s, e, i, x + r * n); }
void all_es_lookup_s16(int32_t n, const int16_t *x, const int16_t *table, int16_t *out)
{ for (int32_t i = 0; i < n; ++i) out[i] = es_lookup_s16(x[i], table); }
void all_es_logistic_lut(int32_t n, const int16_t *x, const uint16_t *table, int32_t m, int32_t s, int16_t *out)
{ for (int32_t i = 0; i < n; ++i) out[i] = es_logistic_lut(x[i], m, s, table); }
void all_es_tanh_lut(int32_t n, const int16_t *x, const uint16_t *table, int32_t m, int32_t s, int16_t *out)
{ for (int32_t i = 0; i < n; ++i) out[i] = es_tanh_lut(x[i], m, s, table); }
"""
STRUCTS = """
typedef struct { int32_t multiplier, shift, diff_min; } es_softmax_s8_params;
typedef struct { int32_t a_offset, b_offset, a_multiplier, b_multiplier, a_shift, b_shift,
    output_offset, output_multiplier, output_shift, activation_min, activation_max; } es_add_s8_params;
typedef struct { int32_t a_offset, b_offset, output_offset, output_multiplier, output_shift, activation_min,
    activation_max; } es_mul_s8_params;
"""
FLAGS = ["-std=c99", "-O1", "-ffp-contract=off", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"]


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
        name = array.dtype.name
        return self.ffi.from_buffer("float[]" if name == "float32" else f"{name}_t[]", array)

    def call(self, function: str, *values: Any) -> np.ndarray:
        name, arguments = next(item for item in LOOPS.items() if item[0].endswith(" " + function))
        types = [a.split()[0].removesuffix("_t").replace("float", "float32") for a in arguments.split(", ")]
        arrays = np.broadcast_arrays(*values)
        arrays = [np.ascontiguousarray(a, t) for a, t in zip(arrays, types, strict=True)]
        out = np.empty(arrays[0].shape, name.split()[0].removesuffix("_t").replace("float", "float32"))
        getattr(self.lib, "all_" + function)(out.size, *map(self.pointer, arrays), self.pointer(out))
        return out

    def with_table(self, function: str, x: np.ndarray, table: np.ndarray, *numbers: int) -> np.ndarray:
        """A function of int16 values that looks into a table."""
        out = np.empty(x.shape, np.int16)
        getattr(self.lib, "all_" + function)(x.size, self.pointer(x), self.pointer(table), *numbers, self.pointer(out))
        return out

    def softmax_s16(
        self, x: np.ndarray, multiplier: tuple[int, int], tables: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        out = np.ascontiguousarray(x.copy())
        self.lib.all_softmax_s16(*x.shape, *multiplier, *map(self.pointer, tables), self.pointer(out))
        return out


def quant(rng: np.random.Generator, low: float = 1e-3, high: float = 0.3) -> tuple[float, int]:
    """A random scale, exact in float32, and zero point; now and then an extreme zero point."""
    scale = float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))
    return scale, int(rng.choice([-128, 0, 127, *rng.integers(-128, 128, 6)]))
