// An ES module that uses the installed package.
import * as netlace from 'netlace';
import * as testing from 'netlace/testing';
import { use } from './use.cjs';

await use(netlace, testing);
