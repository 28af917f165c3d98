"""credits-exporter: prepaid vendor credits as Prometheus metrics."""

__version__ = "0.1.0"
