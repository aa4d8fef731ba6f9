# textgen as an image, for any user: see docs/guides/container.md.
#
#   docker build -t textgen .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" textgen run course:en --minutes 3
ARG PYTHON=3.12
FROM python:${PYTHON}-slim

# What is installed beside textgen itself: EXTRAS=gpu, or EXTRAS=gpu,zstd.
ARG EXTRAS=""
RUN --mount=type=bind,target=/source,rw \
    pip install --no-cache-dir --root-user-action=ignore "/source${EXTRAS:+[$EXTRAS]}"

# A user whom the image does not know has no name and no home. Token files and programs go to /cache,
# notes on runs into it too; mount a volume there to keep them. Whoever writes there first owns what
# is written, and no other user's files are trusted.
ENV TEXTGEN_CACHE=/cache \
    TEXTGEN_STATE=/cache/state \
    HOME=/tmp \
    PYTHONUNBUFFERED=1
RUN mkdir --mode=1777 /cache

WORKDIR /work
ENTRYPOINT ["textgen"]
