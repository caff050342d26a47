# A hospital's private cloud.
#
# The context is the folder of a release (deploy/release):
#
#   docker build --file deploy/images/privatecloud.Dockerfile --build-arg VERSION=v1.4.0 --build-arg COMMIT=$(git rev-parse HEAD) RELEASE
#
# The image is one static program and nothing else: no shell, no package, no CA
# certificates. Those of the peers and of Vault are the site's own: mount them, and name
# the file in SSL_CERT_FILE. The program writes nothing into the image: run it with a
# read-only root. Key file and stores lie outside it; the folder of the key file must be
# writable until the hospital is registered.
FROM scratch
ARG TARGETARCH=amd64
ARG VERSION=unknown
ARG COMMIT=unknown
ARG CREATED=1970-01-01T00:00:00Z
COPY --chmod=0555 privatecloud-linux-${TARGETARCH} /usr/bin/privatecloud
LABEL org.opencontainers.image.title="privatecloud" \
      org.opencontainers.image.description="A hospital's private cloud." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="medunion" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.created="${CREATED}"
# Nobody's number: no account is needed for it.
USER 65532:65532
WORKDIR /
# Protocol; administration and operations (/livez, /readyz, /metrics), never to be published.
EXPOSE 8081 8084 9091
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/privatecloud"]
CMD ["serve"]
