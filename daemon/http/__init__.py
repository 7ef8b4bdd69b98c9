"""http: requests in, JSON out; the only room that knows status codes and JSON names."""
