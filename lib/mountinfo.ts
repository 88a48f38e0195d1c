/** A line of /proc/PID/mountinfo, proc_pid_mountinfo(5), its fields as they are named there. */
export interface MountinfoLine {
  readonly id: number;
  readonly parentId: number;
  /** `'8:1'` */
  readonly device: string;
  readonly root: string;
  readonly mountPoint: string;
  /** Of the mount: `'rw,noatime'`. */
  readonly mountOptions: string;
  /** `'shared:5'`, `'unbindable'` */
  readonly optionalFields: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Of the file system, with its octal numbers: a comma inside of one is such. */
  readonly superOptions: string;
}

export function mountinfoLines(text: string): MountinfoLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);
}

/** `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue` */
function parseLine(line: string): MountinfoLine {
  const fields = line.split(' ');
  // The optional fields end with a hyphen; and no field before can be one: they are numbers, or begin with a slash.
  const end = fields.indexOf('-', 6);
  const [id, parentId, device = '', root = '', mountPoint = '', mountOptions = ''] = fields;
  const [type = '', source = '', superOptions = ''] = fields.slice(end + 1);
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: unescaped(root),
    mountPoint: unescaped(mountPoint),
    mountOptions,
    optionalFields: fields.slice(6, end),
    type: unescaped(type),
    source: unescaped(source),
    superOptions,
  };
}

/** Space, tab, newline, backslash and others are octal numbers there: `\040`. */
export function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
