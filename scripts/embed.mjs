// embed.mjs NAME FILE ... HEADER: writes the bytes of FILE as an array of C++ into HEADER, the last argument.
import { readFileSync, writeFileSync } from 'node:fs';

const [name, file] = process.argv.slice(2);
const header = process.argv.at(-1);
const bytes = [...readFileSync(file)];
const lines = bytes.reduce((text, byte, i) => `${text}${i % 24 === 0 ? '\n  ' : ' '}${byte},`, '');
writeFileSync(header, `#pragma once\n\nalignas(16) inline constexpr unsigned char ${name}[] = {${lines}\n};\n`);
