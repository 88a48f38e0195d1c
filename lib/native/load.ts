import type { Addon } from './addon.js';
import { loadAddon } from './native.cjs';

/** The one place that loads the addon; `addon.ts` says what it offers. */
export const addon = loadAddon() as Addon;
