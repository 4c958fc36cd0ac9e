"""The blocks of drawn networks, a family to a file."""

from tests.fuzz.blocks import elementwise, ends, moves, products, recurrent, resampled, windowed  # noqa: F401  enter their blocks
from tests.fuzz.blocks.registry import BLOCKS, ENDS, drawable

__all__ = ["BLOCKS", "ENDS", "drawable"]
