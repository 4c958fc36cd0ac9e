"""Emission: a schedule and its memory -> C99 source, by templates that only choose and repeat."""

from edgeshift.emit.render import Sources, emit

__all__ = ["Sources", "emit"]
