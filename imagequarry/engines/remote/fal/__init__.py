"""Tripo3D through fal.ai's queue: paid for, so ordered once, and followed across restarts."""
