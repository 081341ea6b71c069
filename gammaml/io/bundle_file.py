"""The `.gammaml` file: a zip of JSON and plain arrays with a checksum of each, read without running anything."""

import hashlib
import json
import zipfile
import zlib
from pathlib import Path

from gammaml.errors import InputError
from gammaml.io.write_tables import whole_file

FORMAT = 4  # goes up too when a network is built otherwise, for a bundle holds its weights alone
MEMBERS = ("metadata.json", "weights.npz", "forest.npz", "arrays.npz")
CHECKSUMS = "SHA256SUMS"
SIZE_LIMIT = 2**31  # bytes of one unpacked member
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)


def write_bundle_file(path, members, *, overwrite=False):
    """Write the members (name -> bytes) and their checksums; the same members give the same file.

    Raises
    ------
    gammaml.errors.OutputError
        Where the file exists and `overwrite` is not given, or cannot be written.
    """
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in members.items())
    with whole_file(path, overwrite) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**members, CHECKSUMS: sums.encode()}.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def read_bundle_file(path):
    """What a `.gammaml` file holds.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    metadata : dict
        Its JSON.
    members : dict of str to bytes
        The other members.

    Raises
    ------
    gammaml.errors.InputError
        Where the file is no bundle, was damaged or changed, or comes from a newer gammaml.
    """
    members = _read_members(path)
    try:
        metadata = json.loads(members.pop("metadata.json"))
        version = metadata.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise not_a_bundle(path, f"metadata without a format ({error})") from error
    if version != FORMAT:
        raise InputError(path, f"bundle format {version}", f"format {FORMAT}", "update gammaml, or train again")
    return metadata, members


def not_a_bundle(path, got):
    """The error for a file that is no bundle."""
    return InputError(path, got, "a .gammaml bundle as gammaml wrote it", "train it again or fetch a fresh copy")


def _read_members(path):
    if not Path(path).is_file():
        raise InputError(path, "no such file", "a .gammaml bundle", "check the name")
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            if set(sizes) != {*MEMBERS, CHECKSUMS}:
                raise not_a_bundle(path, f"a zip with {', '.join(sorted(sizes)[:4]) or 'nothing'}")
            if max(sizes.values()) > SIZE_LIMIT:
                raise not_a_bundle(path, "a member of more than 2 GiB")
            members = {name: archive.read(name) for name in sizes}
    except DAMAGED as error:
        raise not_a_bundle(path, f"no readable zip ({error})") from error
    stated = _checksums(members.pop(CHECKSUMS))
    for name, data in members.items():
        if stated.get(name) != hashlib.sha256(data).hexdigest():
            raise not_a_bundle(path, f"a changed {name} (its checksum differs)")
    return members


def _checksums(data):
    lines = (line.split("  ", 1) for line in data.decode("utf-8", "replace").splitlines())
    return {line[1]: line[0] for line in lines if len(line) == 2}
