"""Write fitted weights as the engine's ONNX file: `python -m training.edge_net.export WEIGHTS.pt OUT.onnx`.

The file is in half precision throughout; OpenCV widens the numbers when it reads them and computes in single precision.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

from training.edge_net.network import STRIDE, EdgeNet, fold


class Exported(nn.Module):
    """Strengths instead of logits, batch normalisation folded away."""

    def __init__(self, net: EdgeNet) -> None:
        super().__init__()
        self.net = fold(net)

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Strengths (n, 32, h/2, w/2) in 0..1 and grouping features (n, 12, h/4, w/4)."""
        logits, features = self.net(rgb)
        return torch.sigmoid(logits), features


def export(weights: Path, out: Path) -> None:
    """Write the network; its input may have any height and width that are multiples of 16."""
    net = EdgeNet()
    net.load_state_dict(torch.load(weights))
    torch.onnx.export(
        Exported(net).eval().half(),
        (torch.zeros(1, 3, 4 * STRIDE, 6 * STRIDE, dtype=torch.float16),),
        str(out),
        input_names=["rgb"],
        output_names=["edges", "grouping"],
        opset_version=13,
        dynamo=False,  # this exporter needs no further package
    )


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    a = parser.parse_args()
    export(a.weights, a.out)


if __name__ == "__main__":
    main()
