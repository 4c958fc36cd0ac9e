"""The operators. Importing this package fills the registry: one file per family, and nothing else names them."""

import importlib
import pkgutil

from edgeshift.ops.base import REGISTRY, ColumnOp, Kernel

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def operators() -> list[str]:
    """The names of all operators that are built."""
    return sorted(REGISTRY)


__all__ = ["REGISTRY", "ColumnOp", "Kernel", "operators"]
