"""What is known of Tripo3D without connecting to fal.ai."""

from __future__ import annotations

from imagequarry.domain.card import ModelCard

CARD = ModelCard(
    name="tripo3d",
    task="mesh",
    family="remote",
    description="Tripo3D at fal.ai: the whole thing in space, its unseen side too. Paid for each picture.",
    version="1",
    licence="that of the service",
    source="https://fal.ai/models/tripo3d/tripo/v2.5/image-to-3d",
    geometry="3d",
)
