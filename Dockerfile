# Waggle runs its TypeScript sources as they are: there is no build step.
FROM node:24-slim

ENV NODE_ENV=production \
    WAGGLE_HOST=0.0.0.0 \
    WAGGLE_DATA_DIR=/data

WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force
COPY src ./src
COPY workers ./workers
# Writable for whatever user the container is given.
RUN mkdir --mode=1777 /data

USER node
VOLUME /data
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.WAGGLE_PORT || 8080}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/server.ts"]
