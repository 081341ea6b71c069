"""``gammaml demo``."""

from pathlib import Path

import click

from gammaml.cli import evaluate, options, train
from gammaml.cli.quiet import quietly
from gammaml.cli.voice import note
from gammaml.config import TrainSettings
from gammaml.errors import InputError, OutputError

NETWORKS = {  # what each learns; learning the regressions too makes the better classifier
    "gammaness": ("gammaness", "energy", "direction"),
    "regressions": ("energy", "direction"),
}
FILES = ("gamma.dl1.h5", "proton.dl1.h5")
ARRAY = "hess"  # four telescopes of 960 pixels
SHOWERS = {"gamma": 400, "proton": 1000}
QUICK_SHOWERS = {"gamma": 60, "proton": 150}
RANGES = {"gamma": (0.2, 20.0), "proton": (0.5, 50.0)}  # TeV
VIEWCONES = {"gamma": 2.0, "proton": 4.0}  # degrees
SOURCE_OFFSET = 0.5  # degrees from the pointing, of the source that is observed
OBSERVED_SHOWERS = {"gamma": 40, "proton": 200}
OBSERVED = {"minutes": 4.0, "proton_flux": 2e-8}  # of the Crab, but one proton of 500: all would take hours to simulate
MIN_INTENSITY = 60.0  # p.e.
EPOCHS, QUICK_EPOCHS = 20, 3
WIDTH = 16  # of the resnets: two thirds of the usual one take half the time


@click.command("demo")
@click.option("-o", "--output", type=options.FILE, metavar="DIR", help="Default: demo-output, or demo-output-quick.")
@click.option("--data", type=options.FILE, metavar="DIR", help="Folder of gamma.dl1.h5 and proton.dl1.h5 of your own.")
@click.option("--quick", is_flag=True, help=f"Few showers, {QUICK_EPOCHS} epochs for each network: poor networks.")
def command(output, data, quick):
    """Simulate, train, predict and evaluate, in minutes on a laptop.

    Simulates gammas and protons over four telescopes, trains a network for gammaness and one for energy and
    direction, reconstructs an observation of a source and the simulated files, and judges the showers that no
    network has seen.
    What an earlier run has finished is not done again.
    """
    files = None if data is None else _files(data)
    output = output or Path("demo-output-quick" if quick else "demo-output")
    output.mkdir(parents=True, exist_ok=True)
    files = files or _simulated(output, QUICK_SHOWERS if quick else SHOWERS)
    settings = TrainSettings(epochs=QUICK_EPOCHS if quick else EPOCHS, width=WIDTH)
    events = _read(files)
    networks = {name: _network(tasks, events, settings, output / f"{name}.gammaml") for name, tasks in NETWORKS.items()}
    bundles = {"gammaness": networks["gammaness"], **dict.fromkeys(NETWORKS["regressions"], networks["regressions"])}
    products = [output / file.name.replace(".dl1.", ".dl2.") for file in files]
    for file, product in zip(files, products, strict=True):
        _reconstruct(file, product, bundles)
    if data is None:
        _observe(output, bundles)
    click.echo("test showers, by image:")
    tables = evaluate.read(products, evaluate.RECONSTRUCTORS, "telescope")
    about = {"selection": f"images of at least {MIN_INTENSITY:g} p.e."}
    losses = {name: _history(bundle) for name, bundle in networks.items()}
    evaluate.report(tables, output / "report", overwrite=True, dataset=about, histories=losses)


def _simulated(output, showers):
    """Files of gammas and protons to train and test with."""
    files = [output / name for name in FILES]
    for file, (primary, number) in zip(files, showers.items(), strict=True):
        _produce(file, primary, number, viewcone=VIEWCONES[primary], seed=1)
    return files


def _produce(file, primary, showers, **where):
    """A file of an earlier run, else simulated now."""
    from gammaml import production

    if file.exists():
        note(f"{file}: simulated before")
        return
    low, high = RANGES[primary]
    scatter = 350.0 if primary == "gamma" else 450.0
    production.produce(production.Card(ARRAY, primary, showers, low, high, scatter=scatter, **where), file)


def _observe(output, bundles):
    """Reconstruct an observation of a source, made of showers of its own."""
    from gammaml import production

    simulated = {primary: output / f"observed-{primary}.dl1.h5" for primary in OBSERVED_SHOWERS}
    _produce(simulated["gamma"], "gamma", OBSERVED_SHOWERS["gamma"], offset=SOURCE_OFFSET, seed=2)
    _produce(simulated["proton"], "proton", OBSERVED_SHOWERS["proton"], viewcone=VIEWCONES["proton"], seed=2)
    observation, product = output / "observation.dl1.h5", output / "observation.dl2.h5"
    settings = production.Observation(**OBSERVED)
    truth = production.observe(*simulated.values(), observation, settings, overwrite=True)
    _reconstruct(observation, product, bundles)
    n_gammas = int((truth["true_shower_primary_id"] == 0).sum())
    click.echo(f"{product}: {len(truth)} events in {settings.minutes:g} minutes, {n_gammas} of them gammas")


def _files(data):
    """The files of a folder."""
    files = [data / name for name in FILES]
    for file in files:
        if not file.is_file():
            raise InputError(data, f"no {file.name}", " and ".join(FILES), "make them with gammaml simulate")
    return files


def _read(files):
    from gammaml import io

    return io.read_events(files, io.Selection(min_intensity=MIN_INTENSITY))


def _reconstruct(file, product, bundles):
    from gammaml import io, reconstruct

    choice = reconstruct.Choice(io.Selection(min_intensity=MIN_INTENSITY), overwrite=True)
    reconstruct.to_file(file, product, bundles, choice)


def _network(tasks, events, settings, path):
    """The network for some tasks: from an earlier run, else trained now."""
    from gammaml import split

    if path.exists():
        return _known(events, settings, path)
    note(f"training {path}")
    training, validation, _ = split.by_shower(events, seed=settings.seed)
    bundle = train.fit(training, validation, tasks, settings, path, resume=train.run_folder(path).is_dir())
    if not train.is_finished(bundle):
        raise KeyboardInterrupt
    train.save(bundle, path, overwrite=True)
    train.remove_checkpoint(path)
    return bundle


def _known(events, settings, path):
    with quietly():
        from gammaml import bundle as bundles
    bundle = bundles.load(path)
    if bundle.settings != settings or bundle.metadata["sources"] != list(events.sources):
        raise OutputError(path, "a network of other settings or files", "one of this demo", "choose another folder")
    note(f"{path}: trained before")
    return bundle


def _history(bundle):
    from astropy.table import QTable

    return QTable(rows=bundle.metadata["history"])
