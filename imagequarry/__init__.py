"""Image Quarry: one self-hosted server over five documented image surfaces."""

__version__ = "0.1.0"
