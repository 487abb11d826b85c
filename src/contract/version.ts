/** What this build calls itself in results, /v1/info and the metrics; a test holds it equal to package.json. */
export const VERSION = '0.1.0';
export const ENGINE = `waggle ${VERSION}`;
