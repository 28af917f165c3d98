# syntax=docker/dockerfile:1
FROM python:3.13-slim-trixie AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY exporter ./exporter
RUN python -m venv /opt/credits-exporter \
    && /opt/credits-exporter/bin/pip install --no-cache-dir . \
    && /opt/credits-exporter/bin/pip uninstall --yes pip

FROM python:3.13-slim-trixie
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="credits-exporter" \
      org.opencontainers.image.description="Prometheus exporter for prepaid vendor credits" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/credits-exporter /opt/credits-exporter
ENV PATH=/opt/credits-exporter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /etc/credits-exporter
USER 65534:65534
EXPOSE 10440
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:10440/-/healthy', timeout=4)"]
ENTRYPOINT ["credits-exporter"]
CMD ["serve", "--config.file=/etc/credits-exporter/credits-exporter.yml"]
