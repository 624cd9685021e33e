# syntax=docker/dockerfile:1
# The one binary in a small image: built in the first stage, run as a user without rights in the
# second.

FROM rust:1.95.0-bookworm AS build
WORKDIR /src
COPY . .
# The caches outlive a change of the sources, so that only what has changed is compiled again.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package expeditor \
    && cp target/release/expeditor /expeditor

FROM debian:bookworm-slim
# The roots that the servers' certificates are verified against.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home expeditor \
    && install --directory --owner=expeditor --group=expeditor --mode=0700 /etc/expeditor
COPY --from=build /expeditor /usr/local/bin/expeditor
USER expeditor
ENTRYPOINT ["expeditor"]
