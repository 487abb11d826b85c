/** The Kubernetes manifests against the published schema of its API, and what they and the compose file say of Waggle against Waggle. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { validate as deployment } from 'kubernetes-models/_schemas/IoK8sApiAppsV1Deployment';
import { validate as claim } from 'kubernetes-models/_schemas/IoK8sApiCoreV1PersistentVolumeClaim';
import { validate as service } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Service';
import { parse, parseAllDocuments } from 'yaml';
import { Settings } from '../../src/config.ts';
import { LIMIT_NAMES, LIMITS, limitVariable } from '../../src/contract/limits.ts';

/** A compiled JSON schema. Its types call it a guard of a value; here it is asked what is wrong with one. */
interface Validator {
  (value: unknown): boolean;
  readonly errors?: readonly { readonly instancePath: string; readonly params: unknown }[] | null;
}

const VALIDATORS: Readonly<Record<string, Validator>> = {
  'apps/v1 Deployment': deployment as Validator,
  'v1 PersistentVolumeClaim': claim as Validator,
  'v1 Service': service as Validator,
};

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const manifests = (): unknown[] => parseAllDocuments(read('deploy/kubernetes/waggle.yaml')).map((one) => one.toJS());

/** The part of a document at a path such as `/spec/replicas`; undefined when there is none. */
function at(document: unknown, path: string): unknown {
  return path
    .split('/')
    .slice(1)
    .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], document);
}

/** Sets the part at a path; undefined removes it. */
function put(document: unknown, path: string, value: unknown): void {
  const slash = path.lastIndexOf('/');
  const parent = at(document, path.slice(0, slash)) as Record<string, unknown>;
  if (value === undefined) delete parent[path.slice(slash + 1)];
  else parent[path.slice(slash + 1)] = value;
}

/** The value, noting the path of each field that somebody looks at. */
function watched(value: unknown, path: string, seen: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, name, receiver) {
      const part = Reflect.get(target, name, receiver);
      if (typeof name !== 'string' || !Object.hasOwn(target, name)) return part;
      seen.add(`${path}/${name}`);
      return watched(part, `${path}/${name}`, seen);
    },
  });
}

function pathsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => [`${path}/${name}`, ...pathsOf(part, `${path}/${name}`)]);
}

/** What is wrong with a manifest: what its schema refuses, and fields that the schema never looks at, so does not know. */
function faultsOf(manifest: unknown): string[] {
  const kind = `${String(at(manifest, '/apiVersion'))} ${String(at(manifest, '/kind'))}`;
  const validator = VALIDATORS[kind];
  if (validator === undefined) return [`${kind}: no schema`];
  const seen = new Set<string>();
  const fits = validator(watched(manifest, '', seen));
  const errors = fits ? [] : (validator.errors ?? []);
  const refused = errors.map(({ instancePath, params }) => `${instancePath} ${JSON.stringify(params)}`);
  return [...refused, ...pathsOf(manifest).filter((path) => !seen.has(path))];
}

test('the Kubernetes manifests fit the schema of its API', () => {
  assert.deepEqual(
    manifests().map((manifest) => at(manifest, '/kind')),
    ['Deployment', 'PersistentVolumeClaim', 'Service'],
  );
  for (const manifest of manifests()) assert.deepEqual(faultsOf(manifest), []);
});

const POD = '/spec/template/spec';
const CONTAINER = `${POD}/containers/0`;

test('a manifest with a fault is noticed', () => {
  const rows: readonly (readonly [path: string, value: unknown, fault: string])[] = [
    ['/spec/selector', undefined, '/spec {"missingProperty":"selector"}'],
    ['/spec/relicas', 1, '/spec/relicas'],
    ['/spec/replicas', 'one', '/spec/replicas {"type":"integer"}'],
    [`${CONTAINER}/securityContext/readOnly`, true, `${CONTAINER}/securityContext/readOnly`],
    [`${POD}/volumes/1/emptyDir/limit`, 1, `${POD}/volumes/1/emptyDir/limit`],
    ['/kind', 'Deploiment', 'apps/v1 Deploiment: no schema'],
  ];
  for (const [path, value, fault] of rows) {
    const [manifest] = manifests();
    put(manifest, path, value);
    assert.deepEqual(faultsOf(manifest), [fault]);
  }
});

/** A variable of the Dockerfile's ENV. */
function imageVariable(name: string): string | undefined {
  return new RegExp(`\\b${name}=(\\S+)`).exec(read('Dockerfile'))?.[1];
}

const VARIABLES = new Set([...Object.keys(Settings.properties), ...LIMIT_NAMES.map(limitVariable)]);
/** Longest drain with the defaults, and the time after which the process ends itself, s. */
const LONGEST_END_SECONDS = LIMITS.maxDrainMs.default / 1000 + 10;

test('the Deployment fits the image', () => {
  const [manifest] = manifests();
  const variables = at(manifest, `${CONTAINER}/env`) as { name: string }[];
  for (const { name } of variables) assert.ok(VARIABLES.has(name), name);
  assert.ok(variables.some(({ name }) => name === 'WAGGLE_API_KEYS'));
  assert.ok(Number(at(manifest, `${POD}/terminationGracePeriodSeconds`)) > LONGEST_END_SECONDS);
  const mounts = at(manifest, `${CONTAINER}/volumeMounts`) as { name: string; mountPath: string }[];
  const said: Readonly<Record<string, unknown>> = {
    '/spec/replicas': 1,
    '/spec/strategy/type': 'Recreate',
    [`${POD}/securityContext/runAsNonRoot`]: true,
    [`${CONTAINER}/securityContext`]: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    [`${CONTAINER}/startupProbe/httpGet/path`]: '/readyz',
    [`${CONTAINER}/readinessProbe/httpGet/path`]: '/readyz',
    [`${CONTAINER}/livenessProbe/httpGet/path`]: '/livez',
  };
  for (const [path, value] of Object.entries(said)) assert.deepEqual(at(manifest, path), value, path);
  assert.equal(mounts.find(({ name }) => name === 'data')?.mountPath, imageVariable('WAGGLE_DATA_DIR'));
});

test('the compose file fits the image', () => {
  const compose: unknown = parse(read('deploy/compose.yaml'));
  for (const name of Object.keys(at(compose, '/services/waggle/environment') as object)) {
    assert.ok(VARIABLES.has(name), name);
  }
  assert.deepEqual(at(compose, '/services/waggle/volumes'), [`waggle-data:${imageVariable('WAGGLE_DATA_DIR')}`]);
  assert.ok('waggle-data' in (at(compose, '/volumes') as object));
  assert.ok(Number.parseInt(String(at(compose, '/services/waggle/stop_grace_period')), 10) > LONGEST_END_SECONDS);
  assert.match(read('Dockerfile'), /^HEALTHCHECK /m);
  for (const { ports } of Object.values(at(compose, '/services') as Record<string, { ports: string[] }>)) {
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/);
  }
});
