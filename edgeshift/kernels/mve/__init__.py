"""Helium, integers only: Cortex-M55, M85."""
