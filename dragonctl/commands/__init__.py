"""One file per noun or verb of the command line; each imports little until it runs."""
