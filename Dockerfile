# The operator's image: Node, the libraries it links, CA certificates, and the operator's and the simulator's scripts. No
# shell, no package manager.
# `make image` builds it for this machine; CONTRIBUTING.md has the command for several architectures.

ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY deploy deploy
COPY src src
ARG COMMIT=
RUN COMMIT=${COMMIT} npm run --silent build:image
COPY LICENSE ./
# The product: the same bytes on every architecture and on every base. The times of the files are what two builds of one
# commit would differ in; with one time for all, a layer changes only with what is in it.
RUN mkdir -p /product/app \
 && cp dist/image/*.mjs dist/image/*.mjs.map dist/image/LICENSES.txt LICENSE /product/app/ \
 && chmod 0444 /product/app/* && chmod 0755 /product /product/app \
 && find /product -exec touch -d @0 {} +
# What it runs on: Node, and the files that `ldd` names at their own places, with their licences where the base has
# them. The certificates are those that Node trusts by itself (Mozilla's), for whoever looks at the usual place.
RUN mkdir -p /runtime/usr/bin /runtime/etc/ssl/certs /runtime/usr/share/licenses /runtime/tmp \
 && cp "$(PATH=/usr/local/bin:/usr/bin:/bin command -v node)" /runtime/usr/bin/node \
 && ldd /runtime/usr/bin/node | grep -o '/[^ )]*' | sort -u | xargs -I{} cp --parents -L {} /runtime \
 && for text in /usr/local/LICENSE /usr/share/doc/libc6/copyright /usr/share/doc/gcc-*-base/copyright; do \
      if [ -f "$text" ]; then cp --parents -L "$text" /runtime/usr/share/licenses; fi; \
    done \
 && /runtime/usr/bin/node -p 'require("node:tls").rootCertificates.join("\n")' > /runtime/etc/ssl/certs/ca-certificates.crt \
 && chmod 1777 /runtime/tmp \
 && find /runtime -exec touch -d @0 {} +

FROM scratch
COPY --from=build /runtime /
COPY --from=build /product /
USER 65532:65532
# V8's young generation would grow to 64 MiB while thousands of Secrets are read. With semi-spaces of 16 MiB collections
# take 5 % of the operator's processor time in a burst, with 4 MiB 15 %; the collection that the operator makes itself
# once a burst is over gives the space back. It reads its source maps where it logs a stack: with --enable-source-maps
# Node keeps them, 20 MiB.
# SIGUSR1 would open a debugger, and with it keys and credentials, to anyone who shares the pod's process namespace.
# The allocator would keep an arena for each thread, and raise by itself the size from which it gives memory back: 7 MiB. Network
# buffers and other allocations from 16 KiB up get mappings of their own: among smaller ones they would keep freed memory from being
# returned, and an uninitialised buffer could hold what a freed one had held, such as a key.
ENV NODE_ENV=production NODE_OPTIONS="--max-semi-space-size=16 --expose-gc --disable-sigusr1" MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=16384 MALLOC_TRIM_THRESHOLD_=131072
# undici parses HTTP in WebAssembly. The optimizing compiler takes 22 MiB for that one module, for a few calls a minute.
ENTRYPOINT ["/usr/bin/node", "--liftoff-only", "/app/atlas-cert-operator.mjs"]
CMD ["run"]
ARG VERSION=
ARG COMMIT=
ARG CREATED=
LABEL org.opencontainers.image.title="atlas-cert-operator" \
      org.opencontainers.image.description="Keeps Atlas-managed X.509 client certificates of MongoDB database users fresh in Kubernetes Secrets" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.created="${CREATED}"
