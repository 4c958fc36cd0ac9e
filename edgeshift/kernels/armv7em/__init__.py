"""Armv7E-M with the DSP extension: Cortex-M4, M7, M33 (and M55 for what Helium does not do)."""
