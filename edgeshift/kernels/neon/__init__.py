"""AArch64 with Advanced SIMD and nothing more: Raspberry Pi 3, 4, Zero 2."""
