# The doctor portal: carries sealed messages between doctors, patients and the clouds.
#
# The context is the folder of a release (deploy/release):
#
#   docker build --file deploy/images/doctor-portal.Dockerfile --build-arg VERSION=v1.4.0 --build-arg COMMIT=$(git rev-parse HEAD) RELEASE
#
# The image is one static program and nothing else: no shell, no package, no CA
# certificates. Those of the peers and of Vault are the site's own: mount them, and name
# the file in SSL_CERT_FILE. The program writes nothing into the image: run it with a
# read-only root. Its key file and Redis lie outside it.
FROM scratch
ARG TARGETARCH=amd64
ARG VERSION=unknown
ARG COMMIT=unknown
ARG CREATED=1970-01-01T00:00:00Z
COPY --chmod=0555 doctor-portal-linux-${TARGETARCH} /usr/bin/doctor-portal
LABEL org.opencontainers.image.title="doctor-portal" \
      org.opencontainers.image.description="The doctor portal: carries sealed messages between doctors, patients and the clouds." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="medunion" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.created="${CREATED}"
# Nobody's number: no account is needed for it.
USER 65532:65532
WORKDIR /
# Page and protocol; operations (/livez, /readyz, /metrics), never to be published.
EXPOSE 8082 9092
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/doctor-portal"]
CMD ["serve"]
