# Forecaster as one container: `docker build -t forecaster .`, then see docs/operations.md.
# Nothing is fetched when it runs; what is installed here is pinned by hash in the two lock files.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ARG SOURCE_DATE_EPOCH=0
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements-build.lock requirements.lock ./
# wheels only: no compiler is needed, here or in the final image
RUN python -m venv tools && tools/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements-build.lock
RUN python -m venv /opt/forecaster \
 && /opt/forecaster/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY data data
COPY forecaster forecaster
COPY jobs jobs
RUN tools/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir wheels . \
 && /opt/forecaster/bin/pip install --quiet --no-deps wheels/*.whl \
 && /opt/forecaster/bin/pip uninstall --quiet --yes pip \
 && find /opt/forecaster/lib -type d -name tests -prune -exec rm -r {} +

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Forecaster" \
      org.opencontainers.image.description="Weekly early warning on child protection numbers for English councils" \
      org.opencontainers.image.licenses="MIT"
# a fixed number, so that the owner of the volume's files is the same after an upgrade
RUN groupadd --gid 10001 forecaster \
 && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin forecaster \
 && install --directory --owner 10001 --group 10001 --mode 0750 /data
COPY --from=build /opt/forecaster /opt/forecaster
# matplotlib, which Prophet brings, wants a folder for its cache
ENV PATH=/opt/forecaster/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 MPLCONFIGDIR=/tmp/matplotlib
USER 10001:10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=120s --timeout=60s --start-period=120s --retries=2 CMD ["forecaster", "doctor", "--live"]
ENTRYPOINT ["forecaster"]
CMD ["serve"]
