"""How fast a device is: its data sheet, and what shares of it programs reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textenvs.errors import check_known

GB = 1e9


@dataclass(frozen=True)
class Device:
    """One accelerator, or one processor core.

    Attributes:
        memory: bytes.
        train_flops: operations a second that an update reaches.
        prefill_flops: the same where many known tokens are read.
        decode_flops: the same where one token of each conversation is.
        bandwidth: bytes a second that decoding reads weights and cache with.
        step_s: seconds that a decoding step costs in every block, whatever is computed.
        price: of an hour, in whatever currency; 0 where nobody says.
    """

    memory: float
    train_flops: float
    prefill_flops: float
    decode_flops: float
    bandwidth: float
    step_s: float = 0.0
    price: float = 0.0


TRAIN, PREFILL, DECODE, READ = 0.35, 0.45, 0.25, 0.55
"""Shares of the peak that updates, prefill and decoding are taken to reach, and of the bandwidth. Assumptions, of the
order that trainers of such models publish; measure your own and give them to `Device`."""

LAUNCH_S = 60e-6
"""Seconds that a decoding step needs for every block without compiled graphs: some ten kernels. An assumption too."""


def _gpu(memory: float, tflops: float, gbytes: float) -> Device:
    peak = tflops * 1e12
    return Device(memory * GB, TRAIN * peak, PREFILL * peak, DECODE * peak, READ * gbytes * GB, LAUNCH_S)


DEVICES: Mapping[str, Device] = {
    "a10": _gpu(24, 125, 600),
    "rtx4090": _gpu(24, 165, 1008),
    "l40s": _gpu(48, 362, 864),
    "a100": _gpu(80, 312, 2039),
    "h100": _gpu(80, 989, 3350),
    "h200": _gpu(141, 989, 4800),
}
"""Dense bfloat16 peaks, bandwidths and memories of the makers' data sheets (80 GB A100, SXM H100 and H200)."""


def find_device(name: str) -> Device:
    """Return a device by name.

    Raises:
        UnknownNameError: if it is not known.
    """
    check_known("GPU", name, DEVICES)
    return DEVICES[name]
