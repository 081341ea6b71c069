"""``gammaml doctor``."""

import click

from gammaml.cli.quiet import quietly
from gammaml.cli.voice import coloured

BAD = 1  # exit code


@click.command("doctor")
def command():
    """Say which versions are installed, what the machine has, and whether a short self-test works; exit code 1 if not.

    What to send with a report of something that does not work.
    """
    with quietly():
        from gammaml.doctor import examine

    findings = []
    for finding in examine():
        findings.append(finding)
        mark = coloured("ok ", "green") if finding.good else coloured("BAD", "red")
        click.echo(f"{mark}  {finding.name.ljust(25)}{finding.found}")
    if not all(finding.good for finding in findings):
        raise SystemExit(BAD)
