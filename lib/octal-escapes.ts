/** Files in /proc have space, tab, newline, backslash and others in a name as octal numbers: `\040`. */
export function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
