"""What each command does; the command line itself is read in :mod:`exporter.cli`."""
