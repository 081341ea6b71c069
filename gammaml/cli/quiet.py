"""Load Keras without the chatter of its backend."""

import logging
import os
import sys
import tempfile
from contextlib import contextmanager


@contextmanager
def quietly():
    """Swallow what libraries write to standard error while they are loaded; an error in the block shows it after all.

    TensorFlow's C++ libraries write a dozen lines to file descriptor 2 before any setting of theirs holds.
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # warns of recompiling for each last, smaller batch
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as swallowed:
        os.dup2(swallowed.fileno(), 2)
        try:
            yield
        except Exception:
            swallowed.seek(0)
            os.write(kept, swallowed.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
