"""From events to what a network takes in: image windows and normalised image parameters.

An `Inputs` is built once from the training events, is stored with the trained network, and is all that later
events need to be treated alike.
"""

from dataclasses import dataclass, replace

import numpy as np

from gammaml import images, parameters
from gammaml.errors import InputError
from gammaml.events import Camera


@dataclass(frozen=True, eq=False)
class Inputs:
    """How events become network inputs.

    Parameters
    ----------
    camera : gammaml.events.Camera
    mapping : gammaml.images.LatticeMapping or gammaml.images.ResamplingMapping
    size : int
        Cells along each side of the window around the image's centre of light.
    scaling : gammaml.images.Scaling
    normalisation : gammaml.parameters.Normalisation
    """

    camera: Camera
    mapping: images.LatticeMapping | images.ResamplingMapping
    size: int
    scaling: images.Scaling
    normalisation: parameters.Normalisation

    @property
    def shapes(self):
        """Shape of each network input, without the batch axis."""
        return {"image": (self.size, self.size, 2), "parameters": (parameters.N_INPUTS,), "frame": (3, 2)}

    def for_camera(self, camera):
        """These inputs for events of `camera`.

        Raises
        ------
        gammaml.errors.InputError
            Where the mapping is lossless and the pixels are not those of the training camera.
        """
        if camera.same_pixels(self.camera):
            return self
        if isinstance(self.mapping, images.LatticeMapping):
            raise InputError(
                "network inputs",
                f"images of the camera {camera.name} ({camera.n_pixels} pixels)",
                f"{self.camera.name} ({self.camera.n_pixels} pixels), which the network was trained on",
                "use a network trained on this camera, or train one with mapping = 'resampled'",
            )
        mapping = images.build_resampling_mapping(camera, shape=self.mapping.shape, cell_width=self.mapping.cell_width)
        return replace(self, camera=camera, mapping=mapping)

    def build(self, image, peak_time, shape, matrix=None):
        """Network inputs of some images.

        Parameters
        ----------
        image, peak_time : array (n, n_pixels)
            p.e. and ns, already turned by `matrix`.
        shape : gammaml.parameters.Shape
            Image parameters, as measured.
        matrix : array (n, 2, 2), optional
            What each image was turned or mirrored by.

        Returns
        -------
        dict of str to array of float32
            ``image`` (n, size, size, 2), ``parameters`` (n, N_INPUTS), ``frame`` (n, 3, 2): see
            :func:`gammaml.parameters.frame`.
        """
        centre = images.centre_cell(image, self.mapping)
        window = images.build_images(image, peak_time, self.mapping, self.scaling, centre=centre, size=self.size)
        return {
            "image": window,
            "parameters": self.normalisation.apply(parameters.inputs(shape, matrix)),
            "frame": parameters.frame(shape, matrix).astype(np.float32),
        }


def build_inputs(camera, shape, settings):
    """Inputs that fit some training events.

    Parameters
    ----------
    camera : gammaml.events.Camera
    shape : gammaml.parameters.Shape
        Of the training events.
    settings : gammaml.config.TrainSettings

    Returns
    -------
    Inputs
    """
    if settings.mapping == "resampled":
        extent = 2 * np.hypot(camera.fov_lon, camera.fov_lat).max() / settings.cell_width
        cells = max(settings.size, int(np.ceil(extent)))
        mapping = images.build_resampling_mapping(camera, shape=(cells, cells), cell_width=settings.cell_width)
    else:
        mapping = images.build_lattice_mapping(camera)
    normalisation = parameters.fit_normalisation(parameters.inputs(shape))
    return Inputs(camera, mapping, settings.size, images.Scaling(), normalisation)
