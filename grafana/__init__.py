"""The Grafana dashboard as code: ``python -m grafana`` writes everything that is generated here."""
