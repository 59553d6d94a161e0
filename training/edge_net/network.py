"""The edge network: a small residual U-Net that works at half resolution and below.

From a picture it gives, per pixel, the strength of a boundary in 8 directions (the 8 planes of 2 x 2 pixels come out
as 32 planes at half resolution) and, per 4 x 4 cell, a feature that is near for cells of one region and far for others.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

ORIENTATIONS = 8
STRIDE = 16  # height and width of the input are multiples of this
FEATURES = 12


def conv(inputs: int, outputs: int, size: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """A convolution without bias and its batch normalisation, padded so that only the stride shrinks the plane."""
    padding = dilation * (size // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding, dilation, bias=False), nn.BatchNorm2d(outputs)
    )


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside the identity (He et al., CVPR 2016)."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = conv(width, width)
        self.second = conv(width, width, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(functional.relu(self.first(x))))


class Join(nn.Module):
    """A coarse map, enlarged twice, added to a finer one and smoothed by a 3 x 3 convolution."""

    def __init__(self, coarse: int, fine: int, width: int) -> None:
        super().__init__()
        self.coarse = conv(coarse, width, 1)
        self.fine = conv(fine, width, 1)
        self.mix = conv(width, width)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        enlarged = functional.interpolate(self.coarse(coarse), scale_factor=2.0, mode="nearest")
        return functional.relu(self.mix(functional.relu(self.fine(fine) + enlarged)))


class EdgeNet(nn.Module):
    """RGB (n, 3, h, w), values 0..1 -> edge logits (n, 32, h/2, w/2) and grouping features (n, 12, h/4, w/4).

    Plane 4*o + 2*dy + dx of the logits belongs to direction o*pi/8 at pixel (2y + dy, 2x + dx), as in pixel_shuffle.
    """

    def __init__(self) -> None:
        super().__init__()
        c2, c4, c8, c16 = 24, 48, 64, 64
        self.stem = nn.Sequential(conv(3, c2, 5, 2), nn.ReLU())
        self.at_half = Residual(c2)
        self.to_quarter = nn.Sequential(conv(c2, c4, 3, 2), nn.ReLU())
        self.at_quarter = Residual(c4)
        self.to_eighth = nn.Sequential(conv(c4, c8, 3, 2), nn.ReLU())
        self.at_eighth = nn.Sequential(Residual(c8), Residual(c8, 2))
        self.to_sixteenth = nn.Sequential(conv(c8, c16, 3, 2), nn.ReLU())
        self.at_sixteenth = nn.Sequential(Residual(c16, 2), Residual(c16, 4))
        self.up_eighth = Join(c16, c8, c8)
        self.up_quarter = Join(c8, c4, c4)
        self.up_half = Join(c4, c2, c2)
        self.edges = nn.Conv2d(c2, 4 * ORIENTATIONS, 3, padding=1)
        self.grouping = nn.Conv2d(c4, FEATURES, 1)
        # Boundaries are rare: starting from their share spares the first hundred steps.
        nn.init.constant_(self.edges.bias, -3.0)  # type: ignore[arg-type]

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        half = self.at_half(self.stem(rgb - 0.45))
        quarter = self.at_quarter(self.to_quarter(half))
        eighth = self.at_eighth(self.to_eighth(quarter))
        sixteenth = self.at_sixteenth(self.to_sixteenth(eighth))
        up = self.up_quarter(self.up_eighth(sixteenth, eighth), quarter)
        return self.edges(self.up_half(up, half)), self.grouping(up)


def parameters(net: nn.Module) -> int:
    """How many numbers are fitted."""
    return sum(p.numel() for p in net.parameters())


def fold(net: nn.Module) -> nn.Module:
    """The same network with every batch normalisation folded into the convolution before it (evaluation only)."""
    net.eval()
    for module in net.modules():
        if isinstance(module, nn.Sequential) and len(module) == 2 and isinstance(module[1], nn.BatchNorm2d):
            convolution = module[0]
            assert isinstance(convolution, nn.Conv2d)
            fused = torch.nn.utils.fusion.fuse_conv_bn_eval(convolution, module[1])
            module[0], module[1] = fused, nn.Identity()
    return net
