"""Images that come one by one, of unknown number: a block in memory, the rest in a file."""

import errno
import mmap
import tempfile

import numpy as np

from gammaml.errors import OutputError
from gammaml.events import PixelStore

IN_MEMORY = 64 * 2**20  # bytes of pixel data above which they go to a temporary file


class GrowingPixels:
    """A :class:`gammaml.events.PixelStore` in the making: images are appended, and :meth:`store` ends it.

    Parameters
    ----------
    n_pixels : int
    """

    def __init__(self, n_pixels):
        self.n_pixels = n_pixels
        self.n_images = 0
        self.file = tempfile.SpooledTemporaryFile(IN_MEMORY, prefix="gammaml-")  # noqa: SIM115  (outlives this call)

    def append(self, image, peak_time):
        """Further images: charges (p.e.) and peak times (ns), each (n_images, n_pixels)."""
        both = np.stack([image, peak_time], axis=1).astype(np.float32)
        try:
            self.file.write(both.tobytes())
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            got, expected = "a full disk", f"room for more than {self.file.tell() / 1e9:.1f} GB of images"
            raise OutputError(
                tempfile.gettempdir(), got, expected, "free some, or set TMPDIR to another disk"
            ) from error
        self.n_images += len(both)

    def store(self):
        """All images appended, as a PixelStore; where the file is large, it stays there and is memory-mapped."""
        size = self.n_images * 2 * self.n_pixels * 4
        mapping = None
        if size > IN_MEMORY:
            self.file.flush()
            data = mapping = mmap.mmap(self.file.fileno(), size)
        else:
            self.file.seek(0)
            data = bytearray(self.file.read())
        self.file.close()
        both = np.frombuffer(data, np.float32).reshape(self.n_images, 2, self.n_pixels)
        return PixelStore(both[:, 0], both[:, 1], mapping)
