# One image for the index and the peers: its arguments are passed to `tandem`.

# Builds the web page; the packages that this takes stay out of the image.
FROM node:26-bookworm-slim AS page
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --loglevel=error
COPY vite.config.ts tsconfig.json ./
COPY peer/web/page peer/web/page
RUN node node_modules/vite/bin/vite.js build --logLevel warn

FROM node:26-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app

# The packages come first: this layer is rebuilt only when they change. None needs its install
# script: better-sqlite3, which would compile, ships binaries.
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts --loglevel=error

COPY . .
COPY --from=page /app/peer/web/page-dist peer/web/page-dist
RUN ln -s ../../bin/tandem.js node_modules/.bin/tandem && install -d -o node -g node data logs
ENV PATH=/app/node_modules/.bin:$PATH

# The only folder outside data/ and logs/ that is written, on a root file system that need not be writable.
ENV NODE_COMPILE_CACHE=/tmp/compile-cache
USER node
# Folders of a group are writable by the group (docker-compose.yml, `folders`);
# exec makes Node.js the container's first process, which receives the signals.
ENTRYPOINT ["sh", "-c", "umask 002 && exec node bin/tandem.js \"$@\"", "tandem"]

# What is asked whether it is alive: `peer` or `index`, as configured (TANDEM_CONFIG). Not whether it is ready: a
# process whose disk is full, or whose first scan takes an hour, works on, and must not be restarted.
ENV HEALTH_OF=peer
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s --retries=3 CMD tandem health "$HEALTH_OF"
