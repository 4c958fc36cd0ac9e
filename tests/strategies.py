"""Hypothesis strategies: the networks and cases of `tests.fuzz`."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.fuzz.draw import Drawn, draw_case, draw_network


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """A network with a short hop to stream it at: `.model` bytes, `.hop`."""
    return draw_network(lambda options: draw(st.sampled_from(options)))


@st.composite
def cases(draw: st.DrawFn) -> Drawn:
    """Any network with any hop and options."""
    return draw_case(lambda options: draw(st.sampled_from(options)))
