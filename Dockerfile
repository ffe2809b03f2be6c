# syntax=docker/dockerfile:1.7
# Landfall's image: the console, the server that embeds it, and a runtime without a compiler, a package manager's lists or root.
# `--target simulator` is the simulated Twilio of the profile `demo`.

FROM node:22.14.0-bookworm-slim AS console
WORKDIR /build/web-client
# The packages first: they change less often than the sources.
COPY web-client/package.json web-client/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --include=dev --no-fund --no-audit
COPY web-client ./
RUN npm run build

FROM rust:1.94.0-bookworm AS binaries
WORKDIR /build
COPY Cargo.toml Cargo.lock build.rs ./
COPY .cargo .cargo
COPY src src
COPY loadtest loadtest
COPY --from=console /build/web-client/dist web-client/dist
# What was compiled before stays in the caches, so that a change costs its own crates; the binaries are copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin landfall \
    && cargo build --release --locked --package loadtest --bin twilio-sim \
    && mkdir /out \
    && cp target/release/landfall target/release/twilio-sim /out/ \
    && strip --strip-debug /out/landfall /out/twilio-sim

FROM debian:12.10-slim AS base
# Who calls Twilio checks its certificate.
COPY --from=binaries /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
RUN groupadd --gid 10001 landfall \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /app --shell /usr/sbin/nologin landfall \
    && install -d -o root -g root -m 755 /app /app/server \
    && install -d -o 10001 -g 10001 -m 755 /app/server/recordings /app/data
WORKDIR /app

FROM base AS simulator
COPY --from=binaries /out/twilio-sim /usr/local/bin/twilio-sim
USER 10001:10001
EXPOSE 9080
ENTRYPOINT ["/usr/local/bin/twilio-sim"]
CMD ["serve", "--listen=0.0.0.0:9080"]

# Last, so that a build without a target is this one.
FROM base AS runtime
COPY --from=binaries /out/landfall /usr/local/bin/landfall
USER 10001:10001
# The catalog is data/landfall.db here unless configured. No variable says so: it would stand beside LANDFALL_DATABASE_URL_FILE.
ENV LANDFALL_LISTEN=0.0.0.0:8080 \
    LANDFALL_VOLUME=/app/server/recordings
EXPOSE 8080
VOLUME ["/app/server/recordings"]
# Under a root that can only be read, and with any command: it asks where the configuration says.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/usr/local/bin/landfall", "health"]
ENTRYPOINT ["/usr/local/bin/landfall"]
CMD ["serve"]
