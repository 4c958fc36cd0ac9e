"""Armv6-M: Cortex-M0, M0+ and M1, with a 32 x 32 -> 32 bit multiplication and nothing longer."""
