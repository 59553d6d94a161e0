"""The array types of this package, by element."""

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Labels = NDArray[np.uint16]
Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
