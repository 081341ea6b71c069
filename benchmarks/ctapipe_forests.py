"""ctapipe's forests against the array networks: the same events, trained and combined by ctapipe's own classes.

Settings and features are those of the configurations that ctapipe ships (``train_energy_regressor.yaml``,
``train_particle_classifier.yaml``): the energy first, then the particle type, a forest a telescope type, and an event
gets the mean over its images. They make 10 trees of depth 10, from images that are not cut off by the camera's edge.
Once more with settings as strong as those of our own forest: `STRONG`. Showers are split as in ``array_physics.py``,
whose productions these are.
"""

from importlib.resources import files

import array_physics
import astropy.units as u
import numpy as np
import yaml
from astropy.table import Table, hstack, vstack
from ctapipe.instrument import SubarrayDescription
from ctapipe.reco import EnergyRegressor, ParticleClassifier
from ctapipe.reco.preprocessing import check_valid_rows
from traitlets.config import Config

from gammaml import array_events, array_inputs, io
from gammaml.columns import GAMMA_PRIMARY
from gammaml.io.cleaned import clean
from gammaml.io.hillas import CLEANING, FEWEST_PIXELS, to_ctapipe_geometry

BLOCK = 20_000  # images at a time
STRONG = {
    "model_config": {"n_estimators": 100, "max_depth": None, "min_samples_leaf": 3},
    "QualityQuery": {"quality_criteria": [["classical reconstruction", "HillasReconstructor_is_valid"]]},
    "StereoMeanCombiner": {"weights": "intensity"},
}
VARIANTS = {"ctapipe, as shipped": {}, "ctapipe, strong": STRONG}
TOOLS = {"train_energy_regressor": EnergyRegressor, "train_particle_classifier": ParticleClassifier}


def from_configuration(name, subarray, seed, changes):
    """An untrained forest as ctapipe ships it, but for some changes of its configuration."""
    tool, *_ = yaml.safe_load((files("ctapipe") / "resources" / f"{name}.yaml").read_text()).values()
    component = TOOLS[name]
    given = tool[component.__name__] | changes
    given["model_config"] = given["model_config"] | {"random_state": seed}
    return component(subarray, config=Config({component.__name__: given}))


def features(events):
    """A row an image, with ctapipe's names; event_id is the number of the event."""
    parts = zip(events.cameras, events.members, array_inputs.geometry(events), strict=True)
    table = vstack([_features(events.table, *part) for part in parts], metadata_conflicts="silent")
    row, intensity = table["event_id"], np.asarray(table["hillas_intensity"])
    table["HillasReconstructor_average_intensity"] = (np.bincount(row, intensity) / np.bincount(row))[row]
    return table


def _features(events, images, row, geometry):
    table = Table(images.table, copy=True)
    table["obs_id"], table["event_id"] = np.zeros(len(row), int), row
    known = geometry.scalars[:, 1] > 0
    table["HillasReconstructor_is_valid"] = known
    table["HillasReconstructor_tel_impact_distance"] = 10 ** np.where(known, geometry.scalars[:, 2], np.nan)
    table["HillasReconstructor_h_max"] = events["stereo_h_max"][row].to_value(u.m)
    table["tels_with_trigger"] = table["HillasReconstructor_telescopes"] = events["telescopes"][row]
    for name, values in _statistics(images).items():
        table[name] = values
    return table


def _statistics(images):
    """Statistics of charge and time of the cleaned pixels, which our files do not hold."""
    from ctapipe.coordinates import TelescopeFrame

    geometry = to_ctapipe_geometry(images.camera).transform_to(TelescopeFrame())
    parts = []
    for low in range(0, len(images), BLOCK):
        block = images[low : low + BLOCK]
        kept, light = clean(np.nan_to_num(block.image), geometry, CLEANING, fewest=FEWEST_PIXELS)
        time = np.asarray(block.peak_time)[kept][light.row, light.pixel]
        found = _moments("intensity", light, light.charge) | _moments("peak_time", light, time)
        parts.append({name: placed(values, kept, len(kept)) for name, values in found.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _moments(name, light, values):
    """As ctapipe's `descriptive_statistics`, of the pixels of each image."""
    count = np.bincount(light.row)
    mean = light.sum(values) / count
    std = np.sqrt(light.sum((values - mean[light.row]) ** 2) / count)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = (values - mean[light.row]) / std[light.row]
    moments = {"mean": mean, "std": std, "max": np.maximum.reduceat(values, light.start)}
    moments |= {"skewness": light.sum(scaled**3) / count, "kurtosis": light.sum(scaled**4) / count - 3}
    return {f"{name}_{moment}": numbers for moment, numbers in moments.items()}


def placed(values, where, size):
    """A column of `size` rows with these values at some of them, NaN at the others."""
    column = np.full(size, np.nan)
    column[where] = values
    return column


def by_type(table, subarray):
    """The rows of each telescope type."""
    for kind in subarray.telescope_types:
        yield kind, table[np.isin(table["tel_id"], subarray.get_tel_ids_for_type(kind))]


def fit(model, table, subarray, rng):
    """Train on the images that pass ctapipe's selection: energy on gammas, particle types on equally many of both."""
    for kind, rows in by_type(table, subarray):
        rows = rows[model.quality_query.get_table_mask(rows)]
        rows = model.feature_generator(rows, subarray=subarray)
        rows = rows[check_valid_rows(rows[[*model.features, model.target]], warn=False)]
        is_gamma = np.asarray(rows["true_shower_primary_id"]) == GAMMA_PRIMARY
        chosen = _balanced(is_gamma, rng) if isinstance(model, ParticleClassifier) else is_gamma
        model.fit(kind, rows[chosen])


def _balanced(is_gamma, rng):
    """Rows of equally many gammas and hadrons."""
    kinds = [np.flatnonzero(is_gamma), np.flatnonzero(~is_gamma)]
    fewest = min(map(len, kinds))
    return np.sort(np.concatenate([rng.choice(one, fewest, replace=False) for one in kinds]))


def apply(model, table, subarray):
    """The same images with this forest's answers, and a row an event with the mean of them."""
    answered = []
    for kind, rows in by_type(table, subarray):
        (answer,) = model.predict_table(kind, rows).values()
        answered.append(hstack([rows, answer], metadata_conflicts="silent"))
    images = vstack(answered, metadata_conflicts="silent")
    images.sort(["event_id", "tel_id"])
    return images, model.stereo_combiner.predict_table(images)


def with_energy(model, table, subarray):
    """Images with the energy by themselves and of their event, which the classifier takes in."""
    images, events = apply(model, table, subarray)
    name = f"{model.prefix}_energy"
    energy = placed(events[name], events["event_id"], images["event_id"].max() + 1)
    images[name] = energy[images["event_id"]]
    return images, energy


def judged(training, test, events, subarray, seed, changes):
    """Numbers of ctapipe's forests on the test events; an event whose images all fail its selection is no gamma."""
    events = events.copy()
    rng = np.random.default_rng(seed)
    regressor = from_configuration("train_energy_regressor", subarray, seed, changes)
    fit(regressor, training, subarray, rng)
    known, _ = with_energy(regressor, training, subarray)
    classifier = from_configuration("train_particle_classifier", subarray, seed, changes)
    fit(classifier, known, subarray, rng)
    known, energy = with_energy(regressor, test, subarray)
    _, answer = apply(classifier, known, subarray)
    gammaness = placed(answer[f"{classifier.prefix}_prediction"], answer["event_id"], len(events))
    lost = ~np.isfinite(gammaness)
    events["gammaness"], events["reco_energy"] = np.where(lost, 0.0, gammaness), energy * u.TeV
    events["reco_alt"], events["reco_az"] = events["stereo_alt"], events["stereo_az"]
    print(f"{lost.mean():.1%} of the test events get no answer")
    return array_physics.judged(events)


def main():
    given = array_physics.arguments(__doc__).parse_args()
    paths = array_physics.simulated(given.output / given.array, given.array)
    subarray = SubarrayDescription.from_hdf(paths[0])
    cameras = io.read_cameras(paths, array_physics.SELECTION)
    results = {}
    for seed in given.seeds:
        training, _, test = array_physics.parted(cameras, given.array, seed, given.training)
        training, test = (array_events.build(part, min_telescopes=2) for part in (training, test))
        given_to_all = features(training), features(test), test.table, subarray, seed
        results[seed] = {name: judged(*given_to_all, changes) for name, changes in VARIANTS.items()}
        print(f"after seed {seed}:\n{array_physics.markdown(results)}", flush=True)


if __name__ == "__main__":
    main()
