"""Pictures on the host's side of an edit: reading, regions, patches, control pictures.

Numpy, Pillow and OpenCV only. Pixels keep the document's own depth until the model needs them,
and come back at that depth, so that everything outside the edit stays bit-identical.

Import from the modules: this package loads none of them, so that listing operations never needs
OpenCV.
"""
