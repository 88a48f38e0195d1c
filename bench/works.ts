/** What is measured: the same piece of work for every peer, and what netlace has to reach in it. */

/** At most this many times as long as another peer takes. */
export interface Target {
  readonly against: string;
  readonly atMost: number;
}

export interface Work {
  /** Its name on the peers' command lines. */
  readonly name: string;
  readonly title: string;
  readonly n: number;
  /** What `populate` makes in the fresh namespace, and how many. */
  readonly objects: 'links' | 'routes' | 'bridge' | 'empty' | 'events';
  /** How often a process does it, as in a service: the median counts. */
  readonly reps: number;
  readonly targets: readonly Target[];
}

/** C sending as many messages at once as netlace does. */
export const floor = 'floor';

export const works: readonly Work[] = [
  {
    name: 'links',
    title: 'list 2,000 links',
    n: 2_000,
    objects: 'links',
    reps: 40,
    targets: [
      { against: floor, atMost: 1.5 },
      { against: 'rust-rtnetlink', atMost: 1 },
      { against: 'libnl', atMost: 1 },
    ],
  },
  {
    name: 'routes',
    title: 'list 200,000 routes',
    n: 200_000,
    objects: 'routes',
    reps: 9,
    targets: [
      { against: floor, atMost: 1.4 },
      { against: 'go-netlink', atMost: 1 / 2.5 },
    ],
  },
  {
    name: 'add-routes',
    title: 'add 20,000 routes',
    n: 20_000,
    objects: 'empty',
    reps: 9,
    targets: [{ against: floor, atMost: 1.15 }],
  },
  {
    name: 'veths',
    title: 'create 1,000 veth pairs',
    n: 1_000,
    objects: 'empty',
    reps: 3,
    targets: [{ against: floor, atMost: 1.15 }],
  },
  {
    name: 'attach',
    title: 'attach 200 containers',
    n: 200,
    objects: 'bridge',
    reps: 15,
    targets: [
      { against: floor, atMost: 1.2 },
      { against: 'go-netlink', atMost: 1 },
    ],
  },
  {
    name: 'spawn',
    title: 'run 200 programs',
    n: 200,
    objects: 'empty',
    reps: 40,
    targets: [{ against: floor, atMost: 1.2 }],
  },
  {
    name: 'container',
    title: 'run 50 containers',
    n: 50,
    objects: 'empty',
    reps: 20,
    targets: [{ against: 'runc', atMost: 1 / 5 }],
  },
  {
    name: 'events',
    title: 'receive 50,000 events',
    n: 50_000,
    objects: 'events',
    reps: 3,
    targets: [],
  },
];
