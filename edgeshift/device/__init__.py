"""Boards: what they are, how to build an image for one, and how to run it."""

from edgeshift.device.boards import Board, all_boards, load_board
from edgeshift.device.fit import Fit, require_fit
from edgeshift.device.flashing import Flashing, flash, plan_flash
from edgeshift.device.image import DeviceModel, Image, build_image
from edgeshift.device.replay import ReplayResult, replay

__all__ = [
    "Board",
    "DeviceModel",
    "Fit",
    "Flashing",
    "Image",
    "ReplayResult",
    "all_boards",
    "build_image",
    "flash",
    "load_board",
    "plan_flash",
    "replay",
    "require_fit",
]
