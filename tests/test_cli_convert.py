"""`gammaml convert`: any file to ctapipe DL1, with the same events."""

import numpy as np
import pytest
from made_events import hexagonal_camera, made_events

from gammaml.io import Selection, read_cameras, write_dl1

PROTON = "simtel/proton_run202_za20deg_azm0deg_North_test_layout_test-prod.simtel.zst"


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.peak_time, other.peak_time)
        for name in ("obs_id", "event_id", "tel_id", "shower_id", "event_type", "true_energy", "hillas_width"):
            np.testing.assert_array_equal(one.table[name], other.table[name])
        np.testing.assert_allclose(one.table["pointing_alt"].value, other.table["pointing_alt"].value)
        np.testing.assert_array_equal(one.simulation["n_showers"], other.simulation["n_showers"])


def test_sim_telarray_with_two_cameras(gammaml, shared_data, tmp_path):
    path, output = shared_data / PROTON, tmp_path / "proton.dl1.h5"
    result = gammaml("convert", path, "-o", output)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{output}: 36 images\n"
    assert_same(read_cameras(path), read_cameras(output))
    result = gammaml("convert", path, "-o", output, "--tel-type", "MST*", "--max-events", 2, "--overwrite")
    assert result.exit_code == 0, result.stderr
    selection = Selection(tel_type="MST*", max_events=2)
    (mst,) = read_cameras(output)
    np.testing.assert_array_equal(mst.image, read_cameras(path, selection)[0].image)
    assert mst.simulation["n_showers"] == 33  # a third of 100


def test_several_files(gammaml, dl1_files, tmp_path):
    output = tmp_path / "both.dl1.h5"
    result = gammaml("convert", *dl1_files.values(), "-o", output, "--min-intensity", 100)
    assert result.exit_code == 0, result.stderr
    assert_same(read_cameras(list(dl1_files.values()), Selection(min_intensity=100)), read_cameras(output))


def test_nothing_is_lost_and_nothing_half_written(gammaml, dl1_files, tmp_path):
    output = tmp_path / "out.dl1.h5"
    gamma = dl1_files["gamma"]
    result = gammaml("convert", gamma, gamma, "-o", output)
    assert result.exit_code == 2
    assert "rows with the same obs_id, event_id, tel_id" in result.stderr
    other = tmp_path / "other.dl1.h5"
    write_dl1(made_events(3, n_telescopes=3, camera=hexagonal_camera(), obs_id=5), other)
    result = gammaml("convert", gamma, other, "-o", output)
    assert result.exit_code == 2
    assert "other telescopes than in" in result.stderr
    result = gammaml("convert", tmp_path / "missing.simtel.zst", "-o", output)
    assert result.exit_code == 2
    assert "no such file" in result.stderr
    assert list(tmp_path.iterdir()) == [other]


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_existing_file(overwrite, gammaml, dl1_files, tmp_path):
    output = tmp_path / "out.dl1.h5"
    output.write_bytes(b"precious")
    result = gammaml("convert", dl1_files["gamma"], "-o", output, *(["--overwrite"] if overwrite else []))
    assert result.exit_code == (0 if overwrite else 2)
    assert (output.read_bytes() == b"precious") is not overwrite
    if not overwrite:
        assert "exists" in result.stderr
