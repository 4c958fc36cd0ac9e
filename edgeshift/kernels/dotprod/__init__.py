"""AArch64 with the dot product extension: Raspberry Pi 5. What is not here is neon's."""
