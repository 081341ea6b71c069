"""Trained networks as reconstructors of ctapipe, for ``ctapipe-process`` and ``ctapipe-apply-models``.

ctapipe finds `GammamlReconstructor` by the entry point ``ctapipe_reco``; a `GammamlModel` it reads from a file. Keras
is loaded when the first network is.
"""

import warnings

import astropy.units as u
import joblib
import numpy as np
from astropy.table import QTable, Table, vstack
from astropy.time import Time
from ctapipe import containers
from ctapipe.core import traits
from ctapipe.reco import ReconstructionProperty, Reconstructor, StereoMeanCombiner
from ctapipe.reco.utils import add_defaults_and_meta

from gammaml.columns import COLUMNS, IMAGE_PARAMETERS, KEYS, bare
from gammaml.errors import InputError, RangeWarning, SettingError
from gammaml.events import PixelStore, TelescopeEvents, by_camera
from gammaml.io.dl2_writer import TASK_GROUPS
from gammaml.io.from_ctapipe import to_parameters, to_pointing, to_subarray
from gammaml.io.tables import side_by_side
from gammaml.io.write_tables import whole_file

GROUPS = {"gammaness": "particle_type", "energy": "energy", "direction": "geometry"}
POINTING = {"pointing_alt": "telescope_pointing_altitude", "pointing_az": "telescope_pointing_azimuth"}
RESULTS = {
    "energy": containers.ReconstructedEnergyContainer,
    "geometry": containers.ReconstructedGeometryContainer,
    "particle_type": containers.ParticleClassificationContainer,
}


def _network(task):
    help_text = f"The .gammaml file of the network that answers the {task}."
    return traits.Path(None, exists=True, directory_ok=False, allow_none=True, help=help_text).tag(config=True)


class GammamlReconstructor(Reconstructor):
    """Energy, direction and gammaness by networks that gammaml has trained, of each image and of each array event.

    Results are called ``GammamlEnergy``, ``GammamlDirection`` and ``GammamlClassifier``, as in the files of
    ``gammaml predict``. Telescopes whose camera a network does not know are left out. Nothing warns of events outside
    the range of the training; ``gammaml predict`` does.
    """

    gammaness = _network("gammaness")
    energy = _network("energy")
    direction = _network("direction")

    needs_atmosphere_profile = False  # ctapipe 0.32 asks

    def __init__(self, subarray, **settings):
        super().__init__(subarray=subarray, **settings)
        paths = {task: getattr(self, task) for task in ("gammaness", "energy", "direction")}
        self.bundles = _load({task: path for task, path in paths.items() if path is not None})
        self.array = to_subarray(subarray)
        self.known = self._known_telescopes()

    def _known_telescopes(self):
        telescopes = self.array.telescopes
        known = [each.tel_id for each in telescopes if self._knows(each.camera)]
        lost = ", ".join(sorted({each.tel_type for each in telescopes if each.tel_id not in known}))
        if not known:
            trained = sorted({name for bundle in self.bundles.values() for name in bundle.metadata["tel_types"]})
            got, expected = f"images of {lost}", f"some of {', '.join(trained)}"
            raise InputError("GammamlReconstructor", got, expected, "use networks trained with these telescopes")
        if lost:
            self.log.warning("leaving out %s, which the networks do not know", lost)
        return known

    def _knows(self, camera):
        return all(bundle.knows(camera) for bundle in self.bundles.values())

    def __call__(self, event):
        """Predict, and fill ``event.dl2``.

        Parameters
        ----------
        event : ctapipe.containers.ArrayEventContainer
            With images, peak times and image parameters.
        """
        cameras = _images(event, self.array, self.known)
        images, showers = self._predict(cameras) if cameras else (QTable(), QTable())
        for row in images:
            _fill(event.dl2.tel[int(row["tel_id"])], row, images.colnames, None)
        tel_ids = [int(tel_id) for events in cameras for tel_id in events.table["tel_id"]]
        _fill(event.dl2.stereo, showers[0] if showers else {}, self._columns(showers), sorted(tel_ids))

    def _columns(self, showers):
        """Columns of the answers; those of the tasks where there is no answer."""
        answers = {"gammaness": "gammaness", "energy": "reco_energy", "direction": "reco_alt"}
        return showers.colnames or [answers[task] for task in self.bundles]

    def _predict(self, cameras):
        """Answers for each image, of networks of images, and for the shower."""
        from gammaml import array_events, bundle, predict

        if bundle.takes_arrays(self.bundles):
            return QTable(), self._answers(array_events.build(cameras))
        images = vstack([self._answers(events) for events in cameras], metadata_conflicts="silent")
        return images, predict.combine_telescopes(images)

    def _answers(self, events):
        """Answers for images of one camera, or for array events, wherever they lie in the range of the training."""
        from gammaml import predict

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RangeWarning)
            return predict.to_dl2(events, **self.bundles)


class GammamlModel(GammamlReconstructor):
    """The answers of one network of single images to a task, as ``ctapipe-apply-models`` takes it: from a pickled file.

    The file holds no network, only where the ``.gammaml`` file is and what it answers::

        subarray = SubarrayDescription.from_hdf("gamma.dl1.h5")
        GammamlModel(subarray, energy="energy.gammaml").write("energy.pkl")

    It needs images: ``ctapipe-apply-models --TableLoader.dl1_images=True -r energy.pkl -i … -o …``. Answers of an array
    event are means, weighted by intensity, as those of ``gammaml predict``.
    """

    def __init__(self, subarray, **settings):
        from gammaml import bundle

        super().__init__(subarray=subarray, **settings)
        if len(self.bundles) > 1:
            got = f"networks for {', '.join(self.bundles)}"
            raise SettingError("GammamlModel", got, "one task", "write a model for each")
        if bundle.takes_arrays(self.bundles):
            do = "use ctapipe-process with GammamlReconstructor, or gammaml predict"
            raise SettingError("GammamlModel", "a network of array events", "one of single images", do)
        (task,) = self.bundles
        ending, self.fields = TASK_GROUPS[GROUPS[task]]
        self.prefix = f"Gammaml{ending}"
        self.property = ReconstructionProperty[GROUPS[task].upper()]
        how = {"weights": "intensity", "log_target": task == "energy"}
        self.stereo_combiner = StereoMeanCombiner(prefix=self.prefix, property=self.property, **how)

    def __reduce__(self):
        (task,) = self.bundles
        return _model, (self.subarray, {task: str(getattr(self, task).resolve())})

    def write(self, path, overwrite=False):
        """Write what ``ctapipe-apply-models`` reads.

        Parameters
        ----------
        path : str or Path
        overwrite : bool
            Whether an existing file may be replaced.
        """
        with whole_file(path, overwrite) as temporary:
            joblib.dump(self, temporary)

    def predict_table(self, key, table):
        """Answers for the images of one telescope.

        Parameters
        ----------
        key : ctapipe.instrument.TelescopeDescription
            Of the telescope.
        table : astropy.table.Table (n,)
            DL1 parameters, images and peak times, pointing of the telescope, as ctapipe's ``TableLoader`` gives them.

        Returns
        -------
        dict of ReconstructionProperty to astropy.table.Table (n,)

        Raises
        ------
        KeyError
            Where the network does not know the camera; ctapipe then leaves the telescope out.
        gammaml.errors.InputError
            Where the table has no images.
        """
        events = _of_table(table, to_subarray(self.subarray))
        if not self._knows(events.camera):
            raise KeyError(key)
        answers = self._answers(events)
        fields = RESULTS[str(self.property)].fields
        known = {field: name for field, name in self.fields.items() if field in fields and name in answers.colnames}
        result = Table({f"{self.prefix}_tel_{field}": answers[column] for field, column in known.items()})
        answered = np.isfinite(bare(answers[next(iter(known.values()))]))
        weighted = np.isfinite(bare(answers["hillas_intensity"]))  # one NaN spoils all of ctapipe's means
        result[f"{self.prefix}_tel_is_valid"] = answered & weighted
        add_defaults_and_meta(result, RESULTS[str(self.property)], prefix=self.prefix, add_tel_prefix=True)
        return {self.property: result}


def _model(subarray, networks):
    return GammamlModel(subarray, **networks)


def _of_table(table, subarray):
    """The images in a table of ctapipe's, of one telescope."""
    lost = [name for name in ("image", "peak_time", *POINTING.values()) if name not in table.colnames]
    if lost:
        do = "run ctapipe-apply-models with --TableLoader.dl1_images=True, on a file that has them"
        raise InputError("GammamlModel", f"a table without {', '.join(lost)}", "images and pointing", do)
    table = QTable(table)
    image, peak_time = (np.asarray(bare(table[name]), np.float32) for name in ("image", "peak_time"))
    rows = table[[name for name in table.colnames if name in KEYS or name.startswith(IMAGE_PARAMETERS)]]
    rows["shower_id"] = rows["event_id"]
    for name, theirs in POINTING.items():
        rows[name] = table[theirs].to(u.deg)
    telescope = subarray.telescope(int(rows["tel_id"][0]))
    return TelescopeEvents(rows, PixelStore(image, peak_time), np.arange(len(rows)), telescope.camera, subarray)


def _load(paths):
    """Bundles of one kind by task."""
    from gammaml import bundle

    if not paths:
        do = "set GammamlReconstructor.energy, .direction or .gammaness to a .gammaml file"
        raise SettingError("GammamlReconstructor", "no network", "at least one", do)
    bundles = bundle.load_each(paths)
    bundle.takes_arrays(bundles)  # refuses a mixture
    return bundles


def _images(event, subarray, known):
    """The images of an event of ctapipe, a list of one item a camera."""
    tel_ids = [tel_id for tel_id, dl1 in event.dl1.tel.items() if tel_id in known and dl1.image is not None]
    return by_camera([_one_image(event, subarray, tel_id) for tel_id in sorted(tel_ids)])


def _one_image(event, subarray, tel_id):
    dl1, camera = event.dl1.tel[tel_id], subarray.telescope(tel_id).camera
    image = np.asarray(dl1.image, np.float32)[None]
    peak_time = np.full_like(image, np.nan) if dl1.peak_time is None else np.asarray(dl1.peak_time, np.float32)[None]
    alt, az = to_pointing(event, tel_id)
    keys = {"obs_id": int(event.index.obs_id), "event_id": int(event.index.event_id), "tel_id": int(tel_id)}
    row = QTable({name: [value] for name, value in keys.items()})
    row["shower_id"] = row["event_id"]
    row["time"] = Time([event.trigger.time])
    row["pointing_alt"], row["pointing_az"] = [alt] * u.deg, [az] * u.deg
    table = side_by_side(row, to_parameters(dl1.parameters, image, peak_time, camera))
    return TelescopeEvents(table, PixelStore(image, peak_time), np.arange(1), camera, subarray)


def _fill(result, row, columns, tel_ids):
    """Put one row of answers into the containers of ctapipe; without a finite answer they are not valid."""
    for group, (ending, fields) in TASK_GROUPS.items():
        first = next(iter(fields.values()))
        if first in columns:
            container = RESULTS[group](prefix=f"Gammaml{ending}", telescopes=tel_ids)
            for field, column in fields.items():
                if len(row) and column in columns and field in container.fields:
                    container[field] = _with_unit(row[column], COLUMNS[column].unit)
            container.is_valid = bool(len(row)) and bool(np.isfinite(row[first]))
            name = group if group in result.fields else "classification"  # as ctapipe 0.28 calls the last group
            result[name][container.prefix] = container


def _with_unit(value, unit):
    return value if unit is None else u.Quantity(value, unit)
