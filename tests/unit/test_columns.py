"""Windows over columns, and tensors as columns, against plain loops."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from edgeshift.ir import Layout, Window


@pytest.mark.parametrize(("kernel", "stride", "dilation"), [*product((1, 2, 3, 5), (0, 1, 2, 3), (1, 2, 3, 4))])
def test_reads_inside(kernel: int, stride: int, dilation: int) -> None:
    for pad, j, columns in product(range(-6, 9), range(-2, 9), (0, 1, 2, 5, 8)):
        window = Window(kernel, stride, dilation, pad)
        taps = [j * stride - pad + k * dilation for k in range(kernel)]
        assert list(window.reads(j)) == taps
        assert list(window.reads_inside(j, columns)) == [c for c in taps if 0 <= c < columns]


def test_a_window_far_longer_than_its_operand_costs_nothing() -> None:
    assert list(Window(1 << 40, 1, 1, 1 << 39).reads_inside(3, 5)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("shape", "axis"), [((1, 6, 4), 1), ((1, 3, 6, 2), 2), ((6, 4), 0), ((2, 3, 4), 2), ((5,), 0)])
def test_layout_along_an_axis(shape: tuple[int, ...], axis: int) -> None:
    layout = Layout.along(shape, axis)
    array = np.arange(np.prod(shape)).reshape(shape)
    columns = layout.to_columns(array)
    assert columns.shape == (shape[axis], array.size // shape[axis])
    for j in range(shape[axis]):
        assert np.array_equal(columns[j], np.take(array, j, axis).reshape(-1))
    assert np.array_equal(layout.from_columns(columns, shape), array)
    assert axis in layout.axes(shape)


def test_time_inside_a_longer_axis_has_no_axis_of_its_own() -> None:
    layout = Layout(1, 6, 4)
    assert layout.axes((1, 24)) == [] and layout.axes((6, 4)) == [0] and layout.axes((1, 6, 1, 4)) == [1]
