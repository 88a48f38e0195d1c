// An ES module that uses the installed package.
import * as netlace from 'netlace';
import * as cgroup from 'netlace/cgroup';
import * as mount from 'netlace/mount';
import * as process from 'netlace/process';
import * as testing from 'netlace/testing';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { use } from './use.cjs';

await use({ netlace, testing, process, mount, cgroup });
// An error is an instance of the same class for whoever required the package, another dependency say.
assert.equal(createRequire(import.meta.url)('netlace').KernelError, netlace.KernelError);
