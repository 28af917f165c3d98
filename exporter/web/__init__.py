"""The HTTP surface: an in-process server, its limits, TLS and basic auth, and the pages it serves."""
