"""Made-up photon streams: night sky that grows along the time window, and one pulse in a round patch of pixels."""

import gzip
import json
import struct

import numpy as np

from gammaml.simulation.lattices import hexagonal_pixels

FIRST, N_SLICES = 30, 100
NIGHT_SKY = np.linspace(0.012, 0.024, N_SLICES)  # photons a pixel and slice
PULSE_SLICE = 80
POSITIONS = hexagonal_pixels(1440)[:, ::-1]  # neighbours at 30 degrees and so on, as FACT's


def write_pixel_map(folder):
    """A `pixel-map.csv` whose rows are in another order than CHID."""
    rows = [f"{chid},{x:.6f},{y:.6f}" for chid, (x, y) in enumerate(POSITIONS)]
    (folder / "pixel-map.csv").write_text("\n".join(["CHID,pos_X,pos_Y", *rows[::-1]]), encoding="utf-8")


def arrivals(rng, *, place=(5.0, 0.0), photons=40, radius=2.0):
    """Lists of arrival slices by CHID; `photons` in each pixel within `radius` of a place, in units of the spacing."""
    lists = [(FIRST + np.flatnonzero(rng.random(N_SLICES) < NIGHT_SKY)).tolist() for _ in range(1440)]
    for chid in np.flatnonzero(np.hypot(*(POSITIONS - place).T) < radius):
        lists[chid] += rng.normal(PULSE_SLICE, 2, photons).round().astype(int).tolist()
    return lists


def observed(n_events=8, **pulse):
    """Events as an observation has them; the last one is a pedestal."""
    rng = np.random.default_rng(0)
    common = {"Night": 20150307, "Run": 16, "Az_deg": -134.5, "Zd_deg": 9.75, "Saturation": [720, 721]}
    return [
        common
        | {"Event": 1 + number, "UnixTime_s_us": [1425759211, 250000], "Trigger": 1024 if number == n_events - 1 else 4}
        | {"PhotonArrivals_500ps": arrivals(rng, **pulse)}
        for number in range(n_events)
    ]


def simulated(n_showers=3, n_uses=2, mass=0.0, **pulse):
    """Simulated events with truth; the primary is known by its mass in GeV."""
    rng = np.random.default_rng(1)
    events = []
    for shower in range(1, n_showers + 1):
        energy = 300.0 + shower
        momentum = np.sqrt(energy**2 - mass**2)
        truth = {
            "MCorsikaEvtHeader.fTotalEnergy": energy,
            "CorsikaEvtHeader.fFirstInteractionHeight": -2.5e6,
            "MCorsikaEvtHeader.fMomentumZ": -momentum * np.cos(0.1),
            "MCorsikaEvtHeader.fZd": 0.1,
            "MSimSourcePos.fZd": 10.0,
            "MSimSourcePos.fAz": 173.0,
        }
        for use in range(1, n_uses + 1):
            place = {
                "MCorsikaEvtHeader.fX": 3000.0 * use,
                "MCorsikaEvtHeader.fY": 5000.0,
                "Event": shower,
                "Reuse": use,
            }
            light = {
                "Az_deg": -7.0,
                "Zd_deg": 10.0,
                "SaturatedPixels": [],
                "PhotonArrivals_500ps": arrivals(rng, **pulse),
            }
            events.append(truth | place | light)
    return events


def write_lines(path, events):
    """A file of JSON lines, compressed where its name ends with .gz, and its table of pixels beside it."""
    write_pixel_map(path.parent)
    with (gzip.open if path.suffix == ".gz" else open)(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)
    return path


def write_binary(path, events):
    """The same events as a binary file."""
    write_pixel_map(path.parent)
    with path.open("wb") as file:
        for event in events:
            file.write(b"phs\x04" + bytes([0]))
            file.write(
                struct.pack(
                    "<6I", event["Night"], event["Run"], event["Event"], *event["UnixTime_s_us"], event["Trigger"]
                )
            )
            file.write(struct.pack("<2f", event["Zd_deg"], event["Az_deg"]))
            symbols = b"".join(bytes([*slices, 255]) for slices in event["PhotonArrivals_500ps"])
            file.write(struct.pack("<I", len(symbols)) + symbols)
            file.write(struct.pack(f"<H{len(event['Saturation'])}H", len(event["Saturation"]), *event["Saturation"]))
    return path
