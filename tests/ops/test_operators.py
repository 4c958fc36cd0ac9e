"""Every operator that is registered, in every form that is entered, over the ladder."""

from __future__ import annotations

import pytest

from edgeshift.ops import REGISTRY
from tests.ladder import check
from tests.ops import arithmetic, functions, indices, moves, products, recurrences, selections, windowed  # noqa: F401
from tests.ops.sweeps import DTYPES, FORMS, NOT_INT16, cases, forms
from tests.stateful import VARIABLE_OPS
from tests.stored import operators_of

FAMILIES = sorted({(form.family, dtype) for form in FORMS for dtype in form.dtypes})
ONLY_IN = {"SQUARE": {"float32"}, "DIV": {"float32"}}  # TFLite has, or we have, no other form
ONLY_IN |= {name: {"float32", "int8"} & ONLY_IN.get(name, {"float32", "int8"}) for name in NOT_INT16}
ONLY_IN |= {name: {"int8", "int16"} for name in ("QUANTIZE", "DEQUANTIZE")}  # entered with float ends
ONLY_IN |= {"LOOKUP": set()}  # of quantised ONNX networks: see tests/importers/test_onnx_quantised.py
ONLY_IN |= {name: set() for name in (*VARIABLE_OPS, "SVDF")}  # see tests/test_stateful.py
ONLY_IN |= {name: set() for name in ("ERF", "KEEP_OTHERS", "KEEP_POSITIVE", "RECURRENCE")}  # see tests/importers


@pytest.mark.parametrize(("family", "dtype"), FAMILIES)
def test_ladder(family: str, dtype: str) -> None:
    check(cases(family, dtype), memory=dtype.startswith("int8"))


@pytest.fixture(scope="module")
def covered() -> dict[str, set[str]]:
    """The operators of all entered forms, by dtype."""
    made: dict[str, set[str]] = {}
    for family, dtype in FAMILIES:
        kind = next(d for d in DTYPES if dtype.startswith(d))
        for form in forms(family, dtype):
            made.setdefault(kind, set()).update(operators_of(form.model(dtype)))
    return made


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operator", sorted(REGISTRY))
def test_every_operator_has_a_case(operator: str, dtype: str, covered: dict[str, set[str]]) -> None:
    if dtype in ONLY_IN.get(operator, DTYPES):
        assert operator in covered[dtype], f"enter a form of {operator} for {dtype} in tests/ops/"
