"""The decorators of compiled functions, and their cache.

Numba keeps compiled code in `__pycache__` and compiles again when a function's own file changes, but not when a file
that it calls into does. So all of it is thrown away here when any file of this package has changed.
"""

import contextlib
import hashlib
import os
from pathlib import Path

from numba import njit

FOLDER = Path(__file__).parent


def forget_old(folder=FOLDER):
    """Delete compiled code that was made from other sources than those in the folder now."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    cache = folder / "__pycache__"
    stamp = cache / "compiled_from.txt"
    with contextlib.suppress(OSError):
        if stamp.is_file() and stamp.read_text() == digest.hexdigest():
            return
        cache.mkdir(exist_ok=True)
        for path in [*cache.glob("*.nbi"), *cache.glob("*.nbc")]:
            path.unlink(missing_ok=True)
        fresh = stamp.with_suffix(f".{os.getpid()}")
        fresh.write_text(digest.hexdigest())
        fresh.replace(stamp)


forget_old()
# Compiled code only borrows arrays; counting references to them (nrt) would take a third of the time.
_OPTIONS = {"cache": True, "fastmath": True, "error_model": "numpy", "_nrt": False}
compiled = njit(**_OPTIONS)
inlined = njit(**_OPTIONS, forceinline=True)  # for what is short and called in every step
