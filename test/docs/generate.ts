/** `npm run generate:docs`: writes the pages of docs/ that are made of tables. */

import { writeFileSync } from 'node:fs';
import { configurationPage } from './configuration-page.ts';

writeFileSync('docs/configuration.md', configurationPage());
