"""Emission: a schedule and its memory -> C99 source, by templates that only choose and repeat."""

from edgeshift.emit.render import Sources, c_environment, emit

__all__ = ["Sources", "c_environment", "emit"]
