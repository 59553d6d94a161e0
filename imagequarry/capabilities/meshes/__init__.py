"""From a picture to a model in space: the subject chosen, the mesh made, checked, converted, drawn and written."""
