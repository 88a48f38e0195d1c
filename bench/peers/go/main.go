// Go with github.com/vishvananda/netlink: `go-netlink WORK N REPS`.
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const (
	loopback     = 1
	eventBuffer  = 8 << 20
	eventsAtOnce = 2000
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func printRun(work string, n int, elapsed time.Duration) {
	ms := float64(elapsed.Nanoseconds()) / 1e6
	fmt.Printf("{\"work\":%q,\"n\":%d,\"ms\":%.3f}\n", work, n, ms)
}

func listLinks(reps int) {
	for rep := 0; rep < reps; rep++ {
		start := time.Now()
		links, err := netlink.LinkList()
		must(err)
		printRun("links", len(links), time.Since(start))
	}
}

func listRoutes(reps int) {
	for rep := 0; rep < reps; rep++ {
		start := time.Now()
		// As `ip route`: the main table only, which this library picks out after decoding.
		routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
		must(err)
		printRun("routes", len(routes), time.Since(start))
	}
}

// One request at a time: the library has no batches. The handle keeps one socket for all of them.
func addRoutes(handle *netlink.Handle, first uint32, count int) {
	for i := first; i < first+uint32(count); i++ {
		to := net.IPv4(byte(i>>24), byte(i>>16), byte(i>>8), byte(i)).To4()
		must(handle.RouteAdd(&netlink.Route{
			LinkIndex: loopback,
			Scope:     netlink.SCOPE_LINK,
			Dst:       &net.IPNet{IP: to, Mask: net.CIDRMask(32, 32)},
		}))
	}
}

func addVeths(handle *netlink.Handle, first, count int) {
	for i := first; i < first+count; i++ {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = fmt.Sprintf("va%d", i)
		must(handle.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: fmt.Sprintf("vb%d", i)}))
	}
}

// The far end is created in the new namespace under its final name, which is the fastest way this library knows.
func attach(handle *netlink.Handle, home netns.NsHandle, bridge, count int) []netns.NsHandle {
	gateway := net.IPv4(10, 95, 0, 1)
	var namespaces []netns.NsHandle
	for i := 0; i < count; i++ {
		box, err := netns.New()
		must(err)
		must(netns.Set(home))
		attrs := netlink.NewLinkAttrs()
		attrs.Name = fmt.Sprintf("v%d", i)
		attrs.MasterIndex = bridge
		veth := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(box)}
		must(handle.LinkAdd(veth))
		must(handle.LinkSetUp(veth))

		inside, err := netlink.NewHandleAt(box)
		must(err)
		lo, err := inside.LinkByName("lo")
		must(err)
		must(inside.LinkSetUp(lo))
		eth0, err := inside.LinkByName("eth0")
		must(err)
		address := i + 2
		must(inside.AddrAdd(eth0, &netlink.Addr{IPNet: &net.IPNet{
			IP:   net.IPv4(10, 95, byte(address>>8), byte(address)).To4(),
			Mask: net.CIDRMask(16, 32),
		}}))
		must(inside.LinkSetUp(eth0))
		must(inside.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: gateway}))
		inside.Delete()
		namespaces = append(namespaces, box)
	}
	return namespaces
}

// Takes the containers down again, off the clock: with each that is there the kernel gets slower.
func attachRepeatedly(handle *netlink.Handle, home netns.NsHandle, bridge, count, reps int) {
	before, err := handle.LinkList()
	must(err)
	for rep := 0; rep < reps; rep++ {
		start := time.Now()
		namespaces := attach(handle, home, bridge, count)
		printRun("attach", count, time.Since(start))
		for i := range namespaces {
			must(namespaces[i].Close())
		}
		for {
			links, err := handle.LinkList()
			must(err)
			if len(links) <= len(before) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// What netlink.LinkSubscribe does, with a receive buffer that holds all events, which it cannot be given.
func subscribe(updates chan<- netlink.Link) {
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK)
	must(err)
	must(unix.SetsockoptInt(socket.GetFd(), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, eventBuffer))
	go func() {
		for {
			messages, _, err := socket.Receive()
			must(err)
			for i := range messages {
				header := unix.NlMsghdr(messages[i].Header)
				link, err := netlink.LinkDeserialize(&header, messages[i].Data)
				must(err)
				updates <- link
			}
		}
	}()
}

func events(count, reps int) {
	updates := make(chan netlink.Link)
	subscribe(updates)
	signal := make([]byte, 1)
	for rep := 0; rep < reps; rep++ {
		var elapsed time.Duration
		received := 0
		for received < count {
			_, err := unix.Write(3, signal)
			must(err)
			_, err = unix.Read(4, signal)
			must(err)
			start := time.Now()
			for event := 0; event < eventsAtOnce; event++ {
				<-updates
			}
			elapsed += time.Since(start)
			received += eventsAtOnce
		}
		printRun("events", received, elapsed)
	}
}

func repeated(work string, n, reps int, create func(rep int)) {
	for rep := 0; rep < reps; rep++ {
		start := time.Now()
		create(rep)
		printRun(work, n, time.Since(start))
	}
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: go-netlink WORK N REPS")
		os.Exit(2)
	}
	work := os.Args[1]
	n, err := strconv.Atoi(os.Args[2])
	must(err)
	reps, err := strconv.Atoi(os.Args[3])
	must(err)

	// Namespaces belong to threads: stay on this one.
	runtime.LockOSThread()
	handle, err := netlink.NewHandle()
	must(err)
	switch work {
	case "links":
		listLinks(reps)
	case "routes":
		listRoutes(reps)
	case "events":
		events(n, reps)
	case "add-routes":
		repeated(work, n, reps, func(rep int) { addRoutes(handle, uint32(11+rep)<<24, n) })
	case "veths":
		repeated(work, n, reps, func(rep int) { addVeths(handle, rep*n, n) })
	case "attach":
		home, err := netns.Get()
		must(err)
		bridge, err := handle.LinkByName("br0")
		must(err)
		attachRepeatedly(handle, home, bridge.Attrs().Index, n, reps)
	default:
		fmt.Fprintf(os.Stderr, "%s: no such work\n", work)
		os.Exit(2)
	}
}
