"""The reference in numpy: the arithmetic of each kernel, and executors of the column graph.

`window` computes whole windows, `stream` follows the schedule of a hop; both call the same operators.
"""
