"""Simulated vendors: accounts whose balances move, served as the real vendors document.

``accounts`` and ``vendors`` are pure (time is passed in), ``simulator`` joins them and lets a test or
a demo break things on purpose, ``server`` puts it on a socket, ``scenario`` is what the demo shows.
"""
