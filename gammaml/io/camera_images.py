"""Images that come array event by array event, gathered by camera; their parameters and cuts block by block."""

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack

from gammaml.io.checks import check_unique
from gammaml.io.dl1 import passes
from gammaml.io.growing import GrowingPixels
from gammaml.io.hillas import CTAPIPE_CLEANING, image_parameters
from gammaml.io.tables import side_by_side
from gammaml.io.truth import complete_truth

BLOCK_IMAGES = 256


def by_telescope(telescopes, selection):
    """The camera whose images each telescope takes, by tel_id; telescopes with the same pixels share one."""
    cameras, of_telescope = [], {}
    for telescope in sorted(telescopes, key=lambda t: t.tel_type):
        same = [each for each in cameras if each.camera.same_pixels(telescope.camera)]
        if not same:
            same = [CameraImages(telescope.camera, selection)]
            cameras += same
        of_telescope[telescope.tel_id] = same[0]
    return of_telescope


class CameraImages:
    """The images of one camera as they come: parameters and cuts a block at a time, pixels out of the way."""

    def __init__(self, camera, selection):
        self.camera, self.selection = camera, selection
        self.pixels = GrowingPixels(camera.n_pixels)
        self.block, self.tables = [], []

    def __len__(self):
        return self.pixels.n_images

    def add(self, row, image, peak_time):
        """An image with its row: number of its array event, tel_id, altitude and azimuth of the pointing in degrees."""
        self.block.append((row, image, peak_time))
        if len(self.block) == BLOCK_IMAGES:
            self.flush()

    def flush(self):
        if not self.block:
            return
        rows, image, peak_time = (np.array(part) for part in zip(*self.block, strict=True))
        table = image_parameters(image, peak_time, self.camera, cleaning=CTAPIPE_CLEANING)
        kept = passes(table, self.selection)
        event, tel_id, alt, az = rows.T
        own = QTable({"event": event.astype(int), "tel_id": tel_id.astype(int)})
        own["pointing_alt"], own["pointing_az"] = alt * u.deg, az * u.deg
        self.tables.append(side_by_side(own, table)[kept])
        self.pixels.append(image[kept], peak_time[kept])
        self.block = []

    def finish(self, path, array):
        """A row an image, with what `array` has a row an array event of, and the pixels."""
        own = vstack(self.tables)
        event = own["event"]
        seen = array[["obs_id", "event_id"]][event]
        seen["tel_id"] = own["tel_id"]
        check_unique(path, seen)
        names = [name for name in array.colnames if name.startswith("true_")]
        table = side_by_side(seen, array[["time", "event_type"]][event], own[["pointing_alt", "pointing_az"]])
        table = complete_truth(side_by_side(table, array[names][event]) if names else table, path)
        own.remove_columns(["event", "tel_id", "pointing_alt", "pointing_az"])
        return side_by_side(table, own), self.pixels.store()
