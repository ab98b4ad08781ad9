# syntax=docker/dockerfile:1
# The server as a small image without a shell's worth of tools:
#
#   docker build -t tidemill .
#   docker run -d -p 127.0.0.1:8086:8086 -p 127.0.0.1:8181:8181 -v tidemill:/var/lib/tidemill tidemill
#   docker exec <container> cat /var/lib/tidemill/admin-token
#
# Authentication is on. Without TIDEMILL_INIT_ADMIN_TOKEN the first start writes an admin token to the volume, readable by
# the server's user alone.

FROM rust:1.95-slim-bookworm AS builder
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The cache mounts keep dependencies compiled between builds; the binary is copied out because they are not part of a layer.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist -p tidemill \
    && cp target/dist/tidemill /usr/local/bin/tidemill

FROM debian:bookworm-slim
# Certificates for object stores and webhooks over TLS.
COPY --from=builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# A fixed id, so that a bind-mounted folder can be given to it.
RUN groupadd --gid 10086 tidemill \
    && useradd --uid 10086 --gid tidemill --no-create-home --home-dir /var/lib/tidemill --shell /usr/sbin/nologin tidemill \
    && install -d -o tidemill -g tidemill -m 0700 /var/lib/tidemill
COPY --from=builder /usr/local/bin/tidemill /usr/local/bin/tidemill

USER 10086:10086
VOLUME /var/lib/tidemill
# 8086 answers as the v1 and v2 interfaces, 8181 as v3.
EXPOSE 8086 8181
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["tidemill", "ping", "--host", "http://127.0.0.1:8086"]
ENTRYPOINT ["tidemill"]
# Inside a container all interfaces are the container's own; what is reachable from outside is decided by the published ports.
CMD ["serve", "--data-dir", "/var/lib/tidemill", "--allow-insecure", "--http-bind", "0.0.0.0:8086", "--v3-bind", "0.0.0.0:8181"]
