/** What other folders use: the public client, and what helpers need beside it. */
export * from './public.js';
export { parted as newLinkParts, type Parted as NewLinkParts } from './later.js';
