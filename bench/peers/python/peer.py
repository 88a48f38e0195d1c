"""pyroute2: `peer.py WORK N REPS`."""

import json
import os
import socket
import sys
import time

from pyroute2 import IPRoute, netns

LOOPBACK = 1
SCOPE_LINK = 253
GO, DONE = 3, 4
RTMGRP_LINK = 1
SO_RCVBUFFORCE = 33
EVENT_BUFFER = 8 << 20
EVENTS_AT_ONCE = 2000


def print_run(work, n, elapsed):
    ms = elapsed * 1e3
    print(json.dumps({'work': work, 'n': n, 'ms': round(ms, 3)}), flush=True)


def address_text(number):
    return '.'.join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def list_links(ip, reps):
    for _ in range(reps):
        start = time.perf_counter()
        links = list(ip.get_links())
        print_run('links', len(links), time.perf_counter() - start)


def list_routes(ip, reps):
    for _ in range(reps):
        start = time.perf_counter()
        routes = list(ip.get_routes(family=socket.AF_INET))
        print_run('routes', len(routes), time.perf_counter() - start)


def add_routes(ip, first, count):
    for number in range(first, first + count):
        ip.route('add', dst=address_text(number) + '/32', oif=LOOPBACK, scope=SCOPE_LINK)


def add_veths(ip, first, count):
    for pair in range(first, first + count):
        ip.link('add', ifname=f'va{pair}', kind='veth', peer={'ifname': f'vb{pair}'})


def attach(ip, bridge, first, count):
    """Enters each namespace to open a socket there. NetNS, a process for each namespace, is 3 times slower."""
    for container in range(first, first + count):
        name = f'v{container}'
        netns.create(name)
        ip.link('add', ifname=name, kind='veth', peer={'ifname': 'eth0', 'net_ns_fd': name})
        index = ip.link_lookup(ifname=name)[0]
        ip.link('set', index=index, master=bridge, state='up')
        netns.pushns(name)
        with IPRoute() as inside:
            inside.link('set', index=LOOPBACK, state='up')
            eth0 = inside.link_lookup(ifname='eth0')[0]
            inside.addr('add', index=eth0, address=address_text(0x0A5F0002 + container), prefixlen=16)
            inside.link('set', index=eth0, state='up')
            inside.route('add', dst='default', gateway='10.95.0.1')
        netns.popns()


def events(count, reps):
    with IPRoute() as ip:
        ip.bind(groups=RTMGRP_LINK)
        ip.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, EVENT_BUFFER)
        for _ in range(reps):
            elapsed = 0
            received = 0
            for expected in range(EVENTS_AT_ONCE, count + 1, EVENTS_AT_ONCE):
                os.write(GO, b'\0')
                os.read(DONE, 1)
                start = time.perf_counter()
                while received < expected:
                    received += len(ip.get())
                elapsed += time.perf_counter() - start
            print_run('events', received, elapsed)


def repeated(work, n, reps, create):
    for rep in range(reps):
        start = time.perf_counter()
        create(rep)
        print_run(work, n, time.perf_counter() - start)


def main():
    work, n, reps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if work == 'events':
        events(n, reps)
        return
    with IPRoute() as ip:
        if work == 'links':
            list_links(ip, reps)
        elif work == 'routes':
            list_routes(ip, reps)
        elif work == 'add-routes':
            repeated(work, n, reps, lambda rep: add_routes(ip, 11 + rep << 24, n))
        elif work == 'veths':
            repeated(work, n, reps, lambda rep: add_veths(ip, rep * n, n))
        elif work == 'attach':
            bridge = ip.link_lookup(ifname='br0')[0]
            repeated(work, n, reps, lambda rep: attach(ip, bridge, rep * n, n))
        else:
            sys.exit(f'{work}: no such work')


main()
