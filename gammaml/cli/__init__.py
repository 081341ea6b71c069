"""The command line: a file per verb; parse, call, exit."""
