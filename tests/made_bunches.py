"""Small files of CORSIKA's IACT option, written by hand: photon bunches whose truth is known."""

import struct

import numpy as np
from corsikaio.subblocks.event_header import get_event_header_dtype
from corsikaio.subblocks.run_header import get_run_header_dtype

VERSION = 7.74
MARKER = b"\x37\x8a\x1f\xd4"
ONLY_OBJECTS = 1 << 30
RUN, TELESCOPES, EVENT, OFFSETS, DATA, PHOTONS, EVENT_END, RUN_END, CARD = (*range(1200, 1206), 1209, 1210, 1212)
BUNCH = ("x", "y", "cx", "cy", "time", "zem", "photons", "wavelength")
CONDITIONS = {
    "particle_id": 1,
    "total_energy": 1000.0,
    "first_interaction_height": -20e5,
    "run_number": 7,
    "energy_spectrum_slope": -2.0,
    "energy_min": 100.0,
    "energy_max": 10000.0,
    "earth_magnetic_field_x": 20.0,
    "earth_magnetic_field_z": -10.0,
    "cerenkov_flag": 3,
    "cherenkov_wavelength_min": 300.0,
    "cherenkov_wavelength_max": 600.0,
}


def write(path, showers, *, telescopes, zenith=20.0, flight=180.0, turned=0.0, **header):
    """Write a file.

    Parameters
    ----------
    path : Path
    showers : list of list of (core, dict)
        Uses of each shower: core (x, y) in m, and bunches by telescope, arrays (n, 8) of `BUNCH`; cm, ns, nm.
    telescopes : array (n, 4)
        x, y, z and radius of spheres, m.
    zenith, flight, turned : float
        Degrees; `flight` is the azimuth of the flight from magnetic north through west, `turned` ARRANG.
    header : float
        Others of the names of corsikaio; to the energy the shower's number is added, for no two showers are alike.
    """
    spheres = 100 * np.array(telescopes, "f4").T
    objects = [
        packed(RUN, block(get_run_header_dtype(VERSION), run_header=b"RUNH", run_number=7)),
        packed(CARD, card(f"NSHOW {len(showers)}", f"CSCAT {len(showers[0])} 30000 0")),
        packed(TELESCOPES, struct.pack("<i", spheres.shape[1]) + spheres.tobytes()),
    ]
    angles = {"zenith": np.radians(zenith), "azimuth": np.radians(flight), "theta_min": zenith, "theta_max": zenith}
    angles |= {"phi_min": flight, "phi_max": flight, "angle_array_x_magnetic_north": np.radians(turned)}
    for number, uses in enumerate(showers, 1):
        known = CONDITIONS | angles | {"event_number": number, "n_reuse": len(uses)} | header
        known["total_energy"] += number
        objects.append(packed(EVENT, block(get_event_header_dtype(VERSION), event_header=b"EVTH", **known)))
        cores = -100 * np.array([core for core, _ in uses], "f4").T
        objects.append(packed(OFFSETS, struct.pack("<if", len(uses), 0.0) + cores.tobytes()))
        objects += [
            packed(DATA, b"".join(photons(use, *each) for each in by.items()), ONLY_OBJECTS)
            for use, (_, by) in enumerate(uses)
        ]
        objects.append(packed(EVENT_END, struct.pack("<i", 273) + bytes(4 * 273)))
    path.write_bytes(b"".join([*objects, packed(RUN_END, struct.pack("<i", 3) + bytes(12))]))


def packed(kind, data, flag=0):
    return MARKER + struct.pack("<iii", kind, 0, len(data) | flag) + data


def block(dtype, **values):
    """A header of CORSIKA of 273 numbers."""
    row = np.zeros(1, dtype)
    for name, value in {"version": VERSION, "observation_height": 2150e2, **values}.items():
        if name in dtype.names:
            row[name] = value
    return struct.pack("<i", 273) + row.tobytes()


def card(*lines):
    return struct.pack("<i", len(lines)) + b"".join(struct.pack("<h", len(line)) + line.encode() for line in lines)


def photons(use, telescope, bunches):
    """The bunches of one telescope."""
    rows = np.array(bunches, "<f4").reshape(-1, len(BUNCH))
    data = struct.pack("<hhfi", use, telescope, rows[:, 6].sum(), len(rows)) + rows.tobytes()
    return struct.pack("<iii", PHOTONS, telescope, len(data)) + data
