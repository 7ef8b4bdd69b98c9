"""The command line: an HTTP client of the daemon like any other."""
