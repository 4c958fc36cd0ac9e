"""What a run has covered and found, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.fuzz.run import Result
from tests.stored import TFLITE_OPS


def report(results: Sequence[Result], seconds: float) -> str:
    climbed = [r for r in results if r.verdict.kind == "exact"]
    covered = {name for r in climbed for name in r.operators if name in TFLITE_OPS}
    missing = sorted(set(TFLITE_OPS) - covered)
    verdicts = Counter(r.verdict.kind for r in results)
    lines = [
        f"{len(results)} networks in {seconds:.0f} s: {_counted(verdicts)}",
        f"operators: {len(covered)} of {len(TFLITE_OPS)}" + (f"; not {', '.join(missing)}" if missing else ""),
        f"  {_counted(Counter(n for r in climbed for n in r.operators if n in TFLITE_OPS))}",
        f"types: {_counted(Counter(r.type for r in climbed))}",
        f"hops: {_counted(Counter(r.hop for r in climbed))}",
        f"options: {_counted(Counter(o for r in climbed for o in r.options or ('none',)))}",
    ]
    refused = [r for r in results if r.verdict.kind == "refused"]
    if refused:
        lines.append(f"refused: {len(refused)} of {len(results)}")
        lines += [f"  {n} {reason}" for reason, n in Counter(r.verdict.reason for r in refused).most_common()]
    for result in results:
        if result.verdict.failed:
            lines.append(f"seed {result.seed} {result.verdict.kind}: {result.verdict.reason}")
            lines += [f"  {line}" for line in result.verdict.message.splitlines()]
    return "\n".join(lines)


def _counted(counts: Counter[str] | Iterable[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in Counter(counts).most_common())
