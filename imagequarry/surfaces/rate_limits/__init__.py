"""How often a caller may ask: counted in moving windows, by each process alone or by all that share a Redis."""

from imagequarry.surfaces.rate_limits.counts import Counts, Standing, Window
from imagequarry.surfaces.rate_limits.limiter import Limiter
from imagequarry.surfaces.rate_limits.middleware import RateLimit
from imagequarry.surfaces.rate_limits.shared import SharedCounts

__all__ = ["Counts", "Limiter", "RateLimit", "SharedCounts", "Standing", "Window"]
