"""Pass 2 against LiteRT: every column that is said to shift is bit for bit the next window's, in every tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from edgeshift.ir import Layout
from edgeshift.shift.interior import Shift, find_interiors
from tests.fuzz.draw import random_network
from tests.ladder import Case, Climber, prepare
from tests.litert import interpreter, invoke
from tests.zoo import ZOO, build

WINDOWS = 7


def claims(climber: Climber) -> Iterator[tuple[int, str, Layout, Shift]]:
    """The tensors of the file that are streams: number, name, where time lies, how they shift."""
    made = find_interiors(climber.graph)
    known = climber.plan.network.imported.tensors
    for stream in climber.graph.streams.values():
        if stream.id in known and known[stream.id].shape == stream.shape:
            yield stream.id, stream.name, stream.layout, made[stream.id]


def broken_claims(case: Case) -> tuple[list[str], int]:
    """The claims that LiteRT contradicts, and how many columns were compared."""
    climber = prepare(case)
    made = interpreter(case.model, preserve=True)
    names = {d["index"]: d["name"] for d in made.get_tensor_details()}
    seen: list[dict[int, np.ndarray]] = []
    wanted = [claim for claim in claims(climber) if names.get(claim[0]) == claim[1]]
    for window in climber.windows:
        invoke(made, window)
        seen.append({i: layout.to_columns(made.get_tensor(i)) for i, _, layout, _ in wanted})
    broken, compared = [], 0
    for tensor, name, _, shift in wanted:
        columns = range(shift.interior.start, shift.interior.stop - 1)
        if not len(columns):
            continue
        for earlier, later in zip(seen, seen[shift.stride :], strict=False):
            a = earlier[tensor][columns.start + 1 : columns.stop + 1]
            b = later[tensor][columns.start : columns.stop]
            compared += len(columns)
            if a.tobytes() != b.tobytes():
                broken.append(f"{case}: '{name}' {shift}")
                break
    return broken, compared


@pytest.mark.parametrize("dtype", ("float32", "int8"))
@pytest.mark.parametrize("name", ZOO)
def test_zoo(name: str, dtype: str) -> None:
    broken, compared = broken_claims(Case(name, build(name, 3, dtype), outputs=WINDOWS, seed=5))
    assert not broken
    assert compared > 0


def test_random_networks() -> None:
    cases = [replace(d.case, hop=1, outputs=WINDOWS, seed=5) for d in map(random_network, range(2000, 2120))]
    results = [broken_claims(case) for case in cases]
    assert not [line for broken, _ in results for line in broken]
    assert sum(compared > 0 for _, compared in results) > len(cases) // 2


def test_the_edges_of_a_padded_layer_do_not_shift() -> None:
    """The comparison can fail: one column more on either side is another one in the next window."""
    climber = prepare(Case("fcn", build("fcn_same", 0), outputs=2, seed=5))
    made = interpreter(climber.case.model, preserve=True)
    for op in climber.graph.ops:
        if op.op != "CONV_2D":
            continue
        interior, layout, seen = find_interiors(climber.graph)[op.output.id].interior, op.output.layout, []
        for window in climber.windows:
            invoke(made, window)
            seen.append(layout.to_columns(made.get_tensor(op.output.id)))
        for j in (interior.start - 1, interior.stop - 1):
            assert not np.array_equal(seen[0][j + 1], seen[1][j])
        for j in range(interior.start, interior.stop - 1):
            assert np.array_equal(seen[0][j + 1], seen[1][j])
