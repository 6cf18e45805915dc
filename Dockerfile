# Every wheel is downloaded by its hash; the image then takes from them what the program needs, and no tools of development.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN pip download --no-cache-dir --require-hashes --requirement requirements.lock --dest /wheels
COPY LICENSE README.md pyproject.toml ./
COPY detectors detectors
COPY stream_monitor stream_monitor
COPY consumers consumers
RUN pip wheel --no-index --find-links /wheels --no-deps --wheel-dir /wheels . \
 && python -m venv /opt/stream-monitor \
 && /opt/stream-monitor/bin/pip install --no-index --find-links /wheels stream-monitor

FROM python:3.13-slim
COPY --from=build /opt/stream-monitor /opt/stream-monitor
ENV PATH=/opt/stream-monitor/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STREAM_MONITOR_HTTP__HOST=0.0.0.0
USER 65532:65532
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9464/livez', timeout=4)"]
ENTRYPOINT ["stream-monitor"]
CMD ["run", "--config", "/etc/stream-monitor/monitor.yaml"]
