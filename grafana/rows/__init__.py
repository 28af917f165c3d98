"""The dashboard's rows, one module each, in the order of the page."""
