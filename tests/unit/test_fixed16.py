"""Logistic and tanh of int16 values: all inputs, in numpy and in C, against gemmlowp's own."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from edgeshift.reference.fixed16 import logistic_int16, tanh_int16
from tests.unit.c_runtime import Runtime

ALL = np.arange(-(1 << 15), 1 << 15)
# of gemmlowp::logistic and gemmlowp::tanh for 0 to 6 integer bits over all int16 values, compiled from its header
GEMMLOWP = "f581e3c051f4b74d6d0a2e6034f3d7c3e375176e0217c7f2233f5f318867fe2c"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(tmp_path_factory.mktemp("runtime"))


def test_all_values_are_those_of_gemmlowp() -> None:
    tables = [logistic_int16(ALL), *(tanh_int16(ALL, bits) for bits in range(7))]
    assert hashlib.sha256(np.concatenate(tables).astype("<i2").tobytes()).hexdigest() == GEMMLOWP


def test_c_has_the_same_values(runtime: Runtime) -> None:
    assert_array_equal(runtime.call("es_logistic_s16", ALL), logistic_int16(ALL))
    for bits in range(7):
        assert_array_equal(runtime.call("es_tanh_s16", ALL, bits), tanh_int16(ALL, bits))


def test_values_are_near_the_functions() -> None:
    x = ALL / 4096
    assert np.abs(logistic_int16(ALL) / 32768 - 1 / (1 + np.exp(-x))).max() < 0.001
    assert np.abs(tanh_int16(ALL, 3) / 32768 - np.tanh(x)).max() < 0.001
