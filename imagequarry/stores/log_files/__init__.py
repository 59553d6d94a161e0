"""The server's own log files: which there are, and what they say, read line by line however large they are."""

from imagequarry.stores.log_files.entries import Entry, Reading, Window
from imagequarry.stores.log_files.files import LogFile, LogFiles, begun

__all__ = ["Entry", "LogFile", "LogFiles", "Reading", "Window", "begun"]
