"""What pictures say and look like, found out once and kept: captions, objects, vectors, perceptual hashes."""

from imagequarry.capabilities.description.describer import Described, Describer, Settled
from imagequarry.capabilities.description.pictures import Picture
from imagequarry.capabilities.description.renewal import Renewal, Renewed

__all__ = ["Described", "Describer", "Picture", "Renewal", "Renewed", "Settled"]
