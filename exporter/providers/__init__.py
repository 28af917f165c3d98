"""The vendors: what to ask each of them, and how to read what it answers."""
