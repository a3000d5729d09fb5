# The server alone: PostgreSQL and Redis are elsewhere (docker-compose.yml has them).
# With the Python that CI tests: what behaves otherwise in a later one shows only there.
FROM python:3.11-slim AS build
WORKDIR /source
COPY . .
RUN python -m venv /opt/votegame
RUN /opt/votegame/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt .
# What runs the server installs nothing.
RUN /opt/votegame/bin/python -m pip uninstall --yes pip

FROM python:3.11-slim
LABEL org.opencontainers.image.title="votegame" \
      org.opencontainers.image.description="A real-time voting party-game server" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --home-dir /var/lib/votegame --create-home --shell /usr/sbin/nologin votegame
COPY --from=build /opt/votegame /opt/votegame
ENV PATH=/opt/votegame/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ENVIRONMENT=production \
    HOST=0.0.0.0 \
    PORT=8000 \
    STATE_DIR=/var/lib/votegame/state
USER 10001
WORKDIR /var/lib/votegame
EXPOSE 8000
# In order: rooms go to other nodes, then clients do. Let 30 s pass before it is killed.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
# No entrypoint: `votegame migrate` is what platforms are told to run before a release, and is what they then run.
CMD ["votegame", "serve"]
