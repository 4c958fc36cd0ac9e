"""Outputs of a real board that runs the app `stream`, at a serial port."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import serial

from edgeshift.device import protocol
from edgeshift.device.deploy import rows_of
from edgeshift.device.image import Array
from edgeshift.device.protocol import Device
from edgeshift.errors import DeviceError
from edgeshift.pipeline import Plan

BAUD = 115_200


class Port:
    """A serial port as a line: a name, or what pyserial's `serial_for_url` takes (`socket://host:port`)."""

    def __init__(self, name: str, baud: int) -> None:
        try:
            self._serial = serial.serial_for_url(name, baud)
            self._serial.reset_input_buffer()
        except (OSError, ValueError) as error:  # pyserial's own errors are OSErrors
            raise DeviceError(f"cannot open the port {name}: {error}") from error

    def write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except OSError as error:
            raise DeviceError(f"the board has gone: {error}") from error

    def read(self, timeout: float) -> bytes:
        try:
            self._serial.timeout = timeout
            first: bytes = self._serial.read(1)
            return first + self._serial.read(self._serial.in_waiting) if first else b""
        except OSError as error:
            raise DeviceError(f"the board has gone: {error}") from error

    def close(self) -> None:
        self._serial.close()


@dataclass(frozen=True, eq=False)
class LiveRun:
    """What a board gave: the outputs of each push in their tensors' shapes, `None` while warming up.

    `ticks` are the mean of the pushes that gave an output, `ticks_hz` of them are a second; `None` where the core has
    no counter.
    """

    outputs: list[list[Array] | None]
    ticks: float | None
    ticks_hz: int


def run_on_port(plan: Plan, frames: Sequence[Array], pushes: int, port: str, baud: int = BAUD) -> LiveRun:
    """Push `frames` (as `run_on_board` takes them) `pushes` times on the board at a port.

    Raises DeviceError when there is no board that answers, when it has another model or another hop, and when it lost
    its state on the way.
    """
    line = Port(port, baud)
    try:
        device = Device(line)
        _check(plan, device, port)
        device.reset()
        rows = [row.astype(row.dtype.newbyteorder("<"), copy=False) for row in rows_of(plan, frames, pushes)]
        answers = [device.push([row[i].tobytes() for row in rows]) for i in range(pushes)]
    finally:
        line.close()
    if any(answer.status == protocol.GAP for answer in answers):
        raise DeviceError("the board lost its state on the way: was it reset? Verify again")
    ticks = [answer.ticks for answer in answers if answer.status == protocol.READY]
    outputs = [_outputs(plan, answer.outputs) if answer.status == protocol.READY else None for answer in answers]
    return LiveRun(outputs, float(np.mean(ticks)) if ticks and all(ticks) else None, device.info.ticks_hz)


def _check(plan: Plan, device: Device, port: str) -> None:
    """Raises DeviceError when the board does not run this network with this hop."""
    graph, info = plan.schedule.graph, device.info
    hop = plan.schedule.hop
    inputs = tuple((hop if s.id in graph.temporal else s.columns) * s.size * s.dtype.itemsize for s in graph.inputs)
    outputs = tuple(s.columns * s.size * s.dtype.itemsize for s in graph.outputs)
    if info.model_sha256 != graph.sha256:
        raise DeviceError(f"the board at {port} has another model: build this one with --app stream, and flash it")
    if (info.input_bytes, info.output_bytes) != (inputs, outputs):
        raise DeviceError(
            f"the board at {port} takes {info.input_bytes} bytes and gives {info.output_bytes}, "
            f"here it is {inputs} and {outputs}: give the options that it was built with (--hop, --outputs)"
        )


def _outputs(plan: Plan, raw: Sequence[bytes]) -> list[Array]:
    return [
        np.frombuffer(data, s.dtype.newbyteorder("<")).astype(s.dtype).reshape(s.shape)
        for data, s in zip(raw, plan.schedule.graph.outputs, strict=True)
    ]
