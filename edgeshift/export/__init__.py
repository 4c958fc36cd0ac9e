"""A plan as a package of the build system that a project uses already: the generated C and what surrounds it."""

from edgeshift.export.package import KINDS, Exported, export

__all__ = ["KINDS", "Exported", "export"]
