"""Writing a file so that nobody ever sees half of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from imagequarry.errors import StorageFailure


def write_atomically(target: Path, data: bytes) -> None:
    """Write beside the target, then rename; the folder is made if need be. Raises ``StorageFailure``."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            # mkstemp's files are for their owner alone; a result is for whoever may read the folder.
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise StorageFailure(f"{target.name!r} could not be written: {error.strerror}.") from error
