"""One tree of errors; the command line prints each as a single line and exits with status 1."""

from __future__ import annotations


class EdgeShiftError(Exception):
    """Base of every error that EdgeShift raises on purpose: the message is one line that names the remedy."""


class ModelFormatError(EdgeShiftError):
    """The file is not a model that can be read: truncated, wrong version, inconsistent tensors, NaN weights."""


class UnsupportedOpError(EdgeShiftError):
    """An operator, or a form of it, that EdgeShift does not build; names the operator, its tensor and the remedy."""


class PlanError(EdgeShiftError):
    """The shift plan cannot be made as asked: an impossible time axis, window or hop."""


class MemoryBudgetError(EdgeShiftError):
    """The plan does not fit into the memory that it was given."""


class InputError(EdgeShiftError):
    """A recording that the network cannot take: unreadable, wrong channel count, too short."""


class OutputError(EdgeShiftError):
    """A result that cannot be written: unwritable folder, full disk."""


class BoardError(EdgeShiftError):
    """An unknown board, or a board file that is not valid."""


class ToolchainError(EdgeShiftError):
    """A compiler, linker or emulator that is missing or failed."""


class DeviceError(EdgeShiftError):
    """A board that does not answer, or not as it must."""


class VerificationError(EdgeShiftError):
    """The generated code and the reference interpreter do not agree, or the reference cannot run the network."""
