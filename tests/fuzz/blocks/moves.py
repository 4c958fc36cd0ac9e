"""Blocks that select, move and join columns and channels."""

from __future__ import annotations

from tests.fuzz.blocks.registry import block
from tests.fuzz.drawing import Drawing
from tests.netbuilder import Handle


@block("STRIDED_SLICE", "SLICE", chooses=True)
def crop(d: Drawing, x: Handle) -> Handle:
    """Some columns, and all or some channels."""
    frames, name = d.frames(x), d.operator("STRIDED_SLICE", "SLICE")
    first = d.choose([f for f in (0, 1, 3, frames // 2) if f < frames])
    count = frames - first - d.choose([lost for lost in (0, 1, 2) if lost < frames - first])
    channel = d.choose(range(min(2, x.shape[-1])))
    step = d.choose((1, 1, 2, 3)) if name == "STRIDED_SLICE" else 1
    if name == "SLICE":
        begin, size = [0] * len(x.shape), [-1] * len(x.shape)
        begin[d.time_axis], begin[-1], size[d.time_axis] = first, channel, count
        y = d.net.slice(x, begin, size)
    else:
        begin, end, steps = [0] * len(x.shape), list(x.shape), [1] * len(x.shape)
        begin[d.time_axis], begin[-1], end[d.time_axis], steps[d.time_axis] = first, channel, first + count, step
        y = d.net.strided_slice(x, begin, end, steps)
    return d.say(f"{name} {first}:{first + count}:{step}", y)


@block("GATHER", "REVERSE_V2", chooses=True)
def reordered(d: Drawing, x: Handle) -> Handle:
    """Channels or columns in another order, or some of them."""
    name, over_time = d.operator("GATHER", "REVERSE_V2"), d.choose((False, True))
    axis = d.time_axis if over_time else len(x.shape) - 1
    size = x.shape[axis]
    if name == "REVERSE_V2":
        return d.say(f"reversed along {axis}", d.net.reverse(x, [axis]))
    picks = d.choose((range(size), range(size // 2, size), range(0, size, 2), (size - 1, 0, 0)))
    return d.say(f"gathered along {axis}", d.net.gather(x, list(picks), axis))


@block("PAD", "PADV2", "MIRROR_PAD", chooses=True)
def padded(d: Drawing, x: Handle) -> Handle:
    name = d.operator("PAD", "PADV2", "MIRROR_PAD")
    before, after, wider = d.choose((2, 0, 1, 5)), d.choose((0, 1, 3)), d.choose((0, 0, 1))
    if name == "MIRROR_PAD":
        mode = d.choose((0, 1))
        most = d.frames(x) - 1 + mode
        pads = d.pads(x, min(before, most), min(after, most), min(wider, x.shape[-1] - 1 + mode))
        y = d.net.mirror_pad(x, pads, mode)
    else:
        pads = d.pads(x, before, after, wider)
        y = d.net.pad_v2(x, pads, d.choose((0.7, 0.0, -2.0))) if name == "PADV2" else d.net.pad(x, pads)
    return d.say(f"{name} {before} {after} {wider}", y)


@block("SPLIT", "SPLIT_V", "UNPACK", chooses=True)
def parted(d: Drawing, x: Handle) -> Handle:
    """Channels apart, a function of one part, and together again in another order."""
    name, last = d.operator("SPLIT", "SPLIT_V", "UNPACK"), len(x.shape) - 1
    if name == "UNPACK":
        parts = [d.net.expand_dims(part, last) for part in d.net.unpack(x, last)]
    elif name == "SPLIT":
        parts = d.net.split(x, last, x.shape[-1])
    else:
        parts = d.net.split_v(x, last, (1, x.shape[-1] - 1)) if x.shape[-1] > 1 else [x]
    return d.say(f"{name} of channels", d.net.concat([d.net.relu(parts[-1]), *parts[:-1]], last))


@block("SPLIT", "SPLIT_V", "ADD", chooses=True)
def halves(d: Drawing, x: Handle) -> Handle:
    """Early and late columns together."""
    x = d.times(x, 2)
    if d.operator("SPLIT", "SPLIT_V") == "SPLIT":
        early, late = d.net.split(x, d.time_axis, 2)
    else:
        early, late = d.net.split_v(x, d.time_axis, (d.frames(x) // 2, -1))
    return d.say("halves", d.choose((d.net.add, d.net.sub))(late, early))


@block("CONCATENATION")
def joined_over_time(d: Drawing, x: Handle) -> Handle:
    """Pieces behind each other: columns, a constant, the mean of the window."""
    frames = d.frames(x)
    early, late = d.cut(x, 0, -(-frames // 2)), d.cut(x, frames // 2, frames - frames // 2)
    shape = list(x.shape)
    shape[d.time_axis] = 2
    pieces = {
        "late": lambda: late,
        "early": lambda: early,
        "constant": lambda: d.net.constant(d.values(shape)),
        "mean": lambda: d.net.mean(x, d.time_axis, keep_dims=True),
        "branch": lambda: d.same(x),
    }
    first = d.choose(list(pieces))
    second = d.choose([name for name in pieces if name not in ("late", first)])
    parts = [pieces[name]() for name in (first, second)]
    return d.say(f"{first} and {second}", d.net.concat(parts, d.time_axis))


@block("TRANSPOSE")
def turned(d: Drawing, x: Handle) -> Handle:
    """Time and channels exchanged, something there, and back."""
    x = d.net.transpose(d.curve(x), (0, 2, 1))
    how = d.choose(("function", "softmax over time", "scaled"))
    if how == "softmax over time":
        x = d.net.softmax(x)
    else:
        x = d.net.tanh(x) if how == "function" else d.net.mul(x, d.values((x.shape[1], 1)))
    return d.say(f"turned, {how}", d.back(d.net.transpose(x, (0, 2, 1))))


@block("RESHAPE")
def stacked(d: Drawing, x: Handle) -> Handle:
    """Frames side by side, and perhaps apart again another way."""
    count = d.choose((2, 3))
    x = d.curve(d.times(x, count))
    x = d.net.reshape(x, (1, x.shape[1] // count, count * x.shape[2]))
    if x.shape[2] > 12 or d.choose((False, True)):
        x = d.net.dense(x, 4, keep_num_dims=True)
    if x.shape[2] % 2 == 0 and d.choose((False, False, True)):
        x = d.net.reshape(x, (1, x.shape[1] * 2, x.shape[2] // 2))
    return d.say(f"stacked by {count}", d.back(x))
