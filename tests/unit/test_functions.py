"""Functions of one element: int8 tables against LiteRT over all inputs, float functions against C and exact values."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference import float_functions, function_tables
from tests.unit.c_runtime import Runtime
from tests.unit.single_op import Operand, build, run
from tests.unit.test_reductions import ulps

ALL = np.arange(-128, 128).astype(np.int8)
PLAIN = ("EXP", "LOG", "ABS", "NEG", "SQRT", "RSQRT", "HARD_SWISH", "ELU")
DEFAULT_RESOLVER = ("ELU",)  # the reference resolver does not list it


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(list(request.node.name.encode()))


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(tmp_path_factory.mktemp("runtime"))


def quant(rng: np.random.Generator) -> tuple[float, int]:
    return float(np.float32(10 ** rng.uniform(-3, 0))), int(rng.integers(-128, 128))


def compare(op: str, table: np.ndarray, source: tuple[float, int], target: tuple[float, int], **options: float) -> None:
    x = ALL[source[1] <= ALL] if op in ("SQRT", "RSQRT") else ALL  # the interpreter stops below zero
    operand, output = Operand(x.shape, np.int8, *source), Operand(x.shape, np.int8, *target)
    model = build(op, [operand], output, **options)
    theirs = run(model, x, reference=op not in DEFAULT_RESOLVER)
    assert_array_equal(theirs, table[x.astype(int) + 128], err_msg=f"{op} {source} -> {target}")


@pytest.mark.oracle
@pytest.mark.parametrize("op", PLAIN)
def test_tables(op: str, rng: np.random.Generator) -> None:
    for _ in range(25):
        source, target = quant(rng), quant(rng)
        try:
            table = getattr(function_tables, f"{op.lower()}_table")(*source, *target)
        except UnsupportedOpError:
            continue  # what the interpreter refuses
        compare(op, table, source, target)


@pytest.mark.oracle
def test_tables_with_options(rng: np.random.Generator) -> None:
    for _ in range(25):
        source, target, alpha = quant(rng), quant(rng), float(np.float32(rng.uniform(0, 1.5)))
        table = function_tables.leaky_relu_table(*source, *target, alpha)
        compare("LEAKY_RELU", table, source, target, alpha=alpha)
        for approximate in (False, True):
            table = function_tables.gelu_table(*source, *target, approximate)
            compare("GELU", table, source, target, approximate=approximate)


def test_a_negative_slope_is_refused() -> None:
    with pytest.raises(UnsupportedOpError, match="negative slope"):
        function_tables.leaky_relu_table(0.1, 0, 0.1, 0, -0.5)


EXACT: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "sqrt": (np.sqrt, 0.5),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 1.5),
    "log": (np.log, 1.0),
    "elu": (lambda x: np.where(x < 0, np.expm1(x), x), 1.5),
    "erfc": (np.vectorize(math.erfc), 8.0),
    "erf": (np.vectorize(math.erf), 2.5),
}


@pytest.mark.parametrize("name", [*EXACT, "gelu", "gelu_tanh", "hard_swish"])
def test_float_functions(name: str, runtime: Runtime, rng: np.random.Generator) -> None:
    bits = np.concatenate([rng.integers(0, 2**32, 100_000), rng.integers(0x3A000000, 0x42000000, 100_000)])
    x = bits.astype(np.uint32).view(np.float32)
    x = np.concatenate([x, -x, np.float32([0, -0.0, np.inf, -np.inf, np.nan, 1, 2, 4, 1e-45, 1e-40])])
    with np.errstate(all="ignore"):
        ours = getattr(float_functions, f"{name}_float")(x)
        got = runtime.call(f"es_{name}f", x)
        same = (got.view(np.int32) == ours.view(np.int32)) | (np.isnan(got) & np.isnan(ours))
        assert same.all(), (name, x[~same][:5])
        if name in EXACT:
            exact = EXACT[name][0](x.astype(np.float64))
            usual = np.isfinite(exact) & (np.abs(exact) > 1e-30)
            assert ulps(ours[usual], exact[usual]).max() <= EXACT[name][1]
