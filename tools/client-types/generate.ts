/** npm run generate:client: writes src/client/api-types.ts. */

import { writeFileSync } from 'node:fs';
import { CLIENT_TYPES_FILE, clientTypes } from './client-types.ts';

writeFileSync(CLIENT_TYPES_FILE, await clientTypes());
