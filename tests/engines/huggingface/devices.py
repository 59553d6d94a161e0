"""The devices of this machine: what depends on them is tested on the processor, and on a GPU too where there is one."""

from __future__ import annotations

import torch

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
