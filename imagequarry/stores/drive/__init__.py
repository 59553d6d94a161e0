"""Google Drive: files go there and nothing is read back, through its HTTP API."""

from imagequarry.stores.drive.google_drive import GoogleDrive
from imagequarry.stores.drive.login import RefreshToken, ServiceAccount

__all__ = ["GoogleDrive", "RefreshToken", "ServiceAccount"]
