import type { Addon } from './addon.js';
import { findAddon, loadAddon } from './native.cjs';

/** For threads that need the addon before anything else. */
export const addonPath = findAddon();

/** The one place that loads the addon; `addon.ts` says what it offers. */
export const addon = loadAddon(addonPath) as Addon;
