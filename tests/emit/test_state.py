"""The struct's members are where the plan says, to the byte: what the report draws is what the compiler makes."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgeshift
from tests.emit.models import run, written

CASES = [
    ("fcn_same", "int8", 1),  # kept sums
    ("two_inputs_add", "int8", 3),  # queues
    ("ds_cnn", "int8", 3),  # phases
    ("stride_six", "float32", 5),
    ("tc_resnet", "int8", 1),
    ("wavenet", "float32", 2),
    ("tiny_f32", "float32", 6),  # nothing is kept
]


@pytest.mark.parametrize(("name", "dtype", "hop"), CASES)
def test_offsets(name: str, dtype: str, hop: int, tmp_path: Path) -> None:
    plan = edgeshift.plan(written(tmp_path, name, dtype), hop)
    made = edgeshift.compile(plan, tmp_path)
    members, state = plan.sources.members, f"{made.name}_t"
    assert members[0].offset == 0 and len({m.name for m in members}) == len(members)
    end = members[-1].offset + members[-1].bytes
    assert 0 <= plan.memory.struct_bytes - end < 4
    claims = [f"_Static_assert(offsetof({state}, {m.name}) == {m.offset}, {m.name!r});" for m in members]
    claims += [f"_Static_assert(sizeof((({state} *)0)->{m.name}) == {m.bytes}, {m.name!r});" for m in members]
    (tmp_path / "claims.c").write_text(
        "\n".join(["#include <stddef.h>", f'#include "{made.name}.h"', *claims]).replace("'", '"')
    )
    run("gcc", "-std=c11", "-fsyntax-only", "-Werror", f"-I{tmp_path}", tmp_path / "claims.c")


def test_every_kind_is_seen(tmp_path: Path) -> None:
    """The cases above would prove little if some kind of member were in none of them."""
    plans = [edgeshift.plan(written(tmp_path, name, dtype), hop) for name, dtype, hop in CASES]
    kinds = {member.kind for plan in plans for member in plan.sources.members}
    assert kinds == {"count", "ring", "queue", "sum", "scratch", "counter"}
