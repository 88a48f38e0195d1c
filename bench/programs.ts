import { spawn } from 'netlace/process';

/** So many programs in new UTS, IPC and pid namespaces, each until its end; one after the other. */
export async function runPrograms(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const child = await spawn('/bin/true', [], {
      env: {},
      stdio: 'ignore',
      namespaces: { uts: 'new', ipc: 'new', pid: 'new' },
    });
    const { code } = await child.exited;
    if (code !== 0) throw new Error(`/bin/true ended with ${code}`);
  }
}
