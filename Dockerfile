# Image Quarry: the server, and with another command its Celery worker.
#   docker build -t image-quarry-api .
#   docker build -t image-quarry-api --build-arg EXTRAS=scale,models .      with torch and transformers

FROM node:22-slim AS studio
WORKDIR /build/studio
COPY studio/package.json studio/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY studio ./
RUN npm run build

FROM python:3.11-slim AS build
# EXTRAS: scale (Celery, Redis), models (the SAM engines).
ARG EXTRAS=scale
# https://download.pytorch.org/whl/cpu takes the CPU build of torch, a tenth of the size.
ARG PIP_EXTRA_INDEX_URL=
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/imagequarry
WORKDIR /build
COPY constraints.txt LICENSE pyproject.toml README.md ./
COPY imagequarry ./imagequarry
COPY --from=studio /build/imagequarry/studio/site ./imagequarry/studio/site
RUN /opt/imagequarry/bin/pip install --constraint constraints.txt ".[${EXTRAS}]"

FROM python:3.11-slim
RUN groupadd --gid 10001 quarry \
    && useradd --uid 10001 --gid quarry --home-dir /data --no-create-home --shell /usr/sbin/nologin quarry \
    && install --directory --owner quarry --group quarry /data
COPY --from=build /opt/imagequarry /opt/imagequarry
# Inside a container only its own loopback is 127.0.0.1: who may reach the port is decided where it is published.
ENV PATH=/opt/imagequarry/bin:$PATH PYTHONUNBUFFERED=1 HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health/live', timeout=4)"]
CMD ["imagequarry", "serve"]
