// Builds the addon that is published for this processor and C library: prebuilds/linux-<arch>/netlace.<libc>.node
//
// npm takes a script named "prebuild" for what has to run before one named "build": so there is none of that name.
import { run, withNodeHeaders } from './lib.mjs';

// The oldest Node.js supported: Node-API makes the result fit all later ones.
run('prebuildify', ['--napi', '--strip', '--tag-libc', '--target', '20.9.0'], { env: withNodeHeaders() });
