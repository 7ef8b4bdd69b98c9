"""The command line against a server, over real sockets."""
