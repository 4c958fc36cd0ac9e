"""Blocks that multiply matrices."""

from __future__ import annotations

from tests.fuzz.blocks.registry import block, end
from tests.fuzz.drawing import Drawing
from tests.netbuilder import Handle


@block("BATCH_MATMUL")
def times_constant(d: Drawing, x: Handle) -> Handle:
    x, turned = d.curve(x), d.choose((False, True))
    shape = (5, x.shape[2]) if turned else (x.shape[2], 5)
    return d.say("times a constant", d.back(d.net.batch_matmul(x, d.values(shape, -0.8, 0.8), adj_y=turned)))


@block("BATCH_MATMUL", "SOFTMAX", "TRANSPOSE")
def attention(d: Drawing, x: Handle) -> Handle:
    """Self-attention as Keras' MultiHeadAttention exports it."""
    net, x = d.net, d.curve(x)
    heads, size, frames = d.choose((1, 2)), d.choose((2, 3)), x.shape[1]
    q, k, v = (
        net.transpose(net.reshape(made, (1, frames, heads, size)), (0, 2, 1, 3))
        for made in (net.dense(x, heads * size, keep_num_dims=True) for _ in range(3))
    )
    scores = net.softmax(net.mul(net.batch_matmul(q, k, adj_y=True), size**-0.5))
    mixed = net.reshape(net.transpose(net.batch_matmul(scores, v), (0, 2, 1, 3)), (1, frames, heads * size))
    return d.say(f"attention of {heads}", d.back(net.add(x, net.dense(mixed, x.shape[2], keep_num_dims=True))))


@end("BATCH_MATMUL")
def gram(d: Drawing, x: Handle) -> Handle:
    """Every channel times every other, over time."""
    x = d.curve(x)
    return d.say("gram", d.net.batch_matmul(x, x, adj_x=True))


@end("BATCH_MATMUL", "SOFTMAX")
def pooled(d: Drawing, x: Handle) -> Handle:
    """Attention pooling: a weight for each frame times the frames."""
    x = d.curve(x)
    weights = d.net.softmax(d.net.reshape(d.net.dense(x, 1, keep_num_dims=True), (1, 1, x.shape[1])))
    return d.say("attention pooling", d.net.batch_matmul(weights, x))
