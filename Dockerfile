# Segue in containers: one executable, two images.
#
#   docker build --target orchestrator -t segue .            the executable alone (orchestrator, introductions, manifest …)
#   docker build --target services -t segue-services .       with the programs for translation, grammar and speech
#
# Both run as an ordinary user, with a read-only root, and write only to /data. docker-compose.yml starts all of it.

FROM rust:1.95-bookworm AS build
# cmake builds the Opus encoder that is linked in.
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The caches stay on the build machine and are not part of a layer, so the executable is copied out in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package segue && install -D target/release/segue /out/segue && strip /out/segue

FROM debian:bookworm-slim AS orchestrator
# A fixed number, so that the volume's files keep their owner from image to image.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin segue \
    && install -d -o segue -g segue -m 0750 /data
COPY --from=build /out/segue /usr/local/bin/segue
WORKDIR /etc/segue
COPY services.toml ./
COPY pipelines ./pipelines
USER 10001:10001
ENV SEGUE_DATA=/data
VOLUME ["/data"]
EXPOSE 3456
# The listener inside the container; with an address beyond loopback SEGUE_TOKEN must be given too.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["segue", "health", "http://127.0.0.1:3456"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["segue"]
CMD ["orchestrate"]

FROM orchestrator AS services
USER root
# Called as processes of their own: Apertium translates and analyses, espeak-ng speaks, PocketSphinx hears.
RUN apt-get update && apt-get install -y --no-install-recommends \
        apertium apertium-eng-spa apertium-spa-cat apertium-es-pt apertium-fr-es apertium-spa-ita apertium-eng-cat \
        cg3 lttoolbox hunspell-es espeak-ng python3-pocketsphinx pocketsphinx-en-us \
    && rm -rf /var/lib/apt/lists/*
USER 10001:10001
EXPOSE 3457 3458 3459 3460 3461 3462 3463 3471 3472 3473 3474 3481 3482 3491
# Each service has a port of its own: whoever runs it says which to ask (docker-compose.yml, deploy/kubernetes).
HEALTHCHECK NONE
CMD ["serve", "--help"]
