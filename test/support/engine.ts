/** Why a test that needs the real worker body is skipped; false: it stands. */

import { existsSync } from 'node:fs';

export const NO_ENGINE: string | false = existsSync(new URL('../../workers/run.ts', import.meta.url))
  ? false
  : 'skipped: workers/run.ts does not stand yet';
