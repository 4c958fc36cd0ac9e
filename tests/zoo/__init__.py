"""Small networks of every architecture that EdgeShift must stream, by name.

`build("tcn_last_step", seed=3, dtype="int8")` gives model bytes; `ZOO[name](rng, dtype)` does the same.
"""

from tests.finish import DTYPES
from tests.zoo import branches, operators, stacks
from tests.zoo.registry import ZOO, build, network

__all__ = ["DTYPES", "INT8_SUM", "NO_INT16", "ZOO", "branches", "build", "network", "operators", "stacks"]

# LiteRT's reference SUM reads int8 as uint8 (reduce.cc, QuantizedMeanOrSum): exact, but no sum.
INT8_SUM = {"sum_over_time", "sum_over_features"}
NO_INT16 = INT8_SUM | {"activations"}  # SUM and RELU_N1_TO_1 have no such reference kernel
