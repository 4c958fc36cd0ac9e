"""Hypothesis strategies: random small networks and the hops to stream them at."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.random_networks import HOPS, Drawn, draw_network, random_case, random_network

__all__ = ["Drawn", "hops", "networks", "random_case", "random_network"]


def hops() -> st.SearchStrategy[int]:
    return st.sampled_from(HOPS)


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """A network with the hop to stream it at: `.model` bytes, `.description`, `.hop`."""
    return draw_network(lambda options: draw(st.sampled_from(options)))
