# The operator's image: Node, the libraries it links, CA certificates and one bundle. No shell, no package manager.

ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY src src
RUN npm run --silent build:image
# What the last stage holds: the files that `ldd` names, at their own places.
RUN mkdir -p /root-fs/app /root-fs/usr/bin /root-fs/etc/ssl/certs /root-fs/tmp \
 && cp "$(command -v node)" /root-fs/usr/bin/node \
 && ldd /root-fs/usr/bin/node | grep -o '/[^ )]*' | sort -u | xargs -I{} cp --parents -L {} /root-fs \
 && cp dist/image/*.mjs dist/image/*.map dist/image/*.txt /root-fs/app/ \
 && chmod 1777 /root-fs/tmp

FROM scratch
COPY --from=build /root-fs /
USER 65532:65532
# V8 would grow its young generation to 64 MiB while thousands of Secrets are read, and keep it: 95 MiB of 269 with 4,000
# resources, for no processor time at all. The operator collects garbage itself once a burst of work is over.
ENV NODE_ENV=production NODE_OPTIONS="--enable-source-maps --max-semi-space-size=4 --expose-gc"
ENTRYPOINT ["/usr/bin/node", "/app/atlas-cert-operator.mjs"]
CMD ["run"]
