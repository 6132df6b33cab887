// SPDX-License-Identifier: GPL-2.0
// Everything that kernel programs and the program that steers them both read: the only place where these layouts are written. The
// TypeScript side is generated from what the compiler made of them (`bun tools/bpf.ts build`). Addresses and ports are in network order,
// everything else in the machine's; padding is named and zero, because keys are compared as bytes. Times are ticks of 2^30 nanoseconds
// (about 1.07 s) of the coarse monotonic clock: a shift instead of a division for each packet.
#pragma once

#include <linux/types.h>

// A side of the balancer.
#define ROLE_FRONTEND 1
#define ROLE_BACKEND 2

struct service_key4 {
  __be32 vip;
  __be16 port;
  __u8 protocol;
  __u8 zero;
};

struct service_key6 {
  __be32 vip[4];
  __be16 port;
  __u8 protocol;
  __u8 zero;
};

// What happens to packets of a service without a backend, and to those for other ports of a VIP.
#define ABSENT_REJECT 0
#define ABSENT_DROP 1
#define ABSENT_PASS 2

struct service {
  // Immutable for as long as the service stands: index into `rings`.
  __u32 id;
  // Ticks that a client stays with its backend after its last new flow, 0 = it does not.
  __u32 affinity;
  // ABSENT_…
  __u8 no_backend;
  __u8 zero[3];
};

// An address that services have, whatever their ports.
struct vip {
  // ABSENT_…: packets for ports that no service has.
  __u8 other_ports;
  // 1 = the balancer answers echo requests itself, unless a service takes them.
  __u8 answers_echo;
  __u8 zero[2];
};

// Where the ring of a service lies in `ring_slots`. Read and written as one 64-bit number: a ring is exchanged by one store.
struct ring {
  __u32 offset;
  // Slots, 0 = there is no backend.
  __u32 length;
};

// Flows to it are ended (TCP) or chosen again (others).
#define BACKEND_DOWN 1
// It gets no new flows; those that it has go on.
#define BACKEND_LEAVING 2

struct backend {
  __be32 address[4];
  __be16 port;
  __u16 flags;
  // Changes with each new owner of the id: what was remembered of the one before it does not count.
  __u32 generation;
};

struct flow_key4 {
  __be32 source;
  __be32 target;
  __be16 source_port;
  __be16 target_port;
  __u8 protocol;
  __u8 zero[3];
};

struct flow_key6 {
  __be32 source[4];
  __be32 target[4];
  __be16 source_port;
  __be16 target_port;
  __u8 protocol;
  __u8 zero[3];
};

// From a client: its target is replaced. Without it: from a backend, its source is replaced.
#define FLOW_FORWARD 1
// A backend has answered: the next packet of the client moves the flow out of the half-open table.
#define FLOW_ANSWERED 2
// FIN or RST has been seen.
#define FLOW_CLOSING 4

struct flow4 {
  // Replaces the target of forward packets, the source of others.
  __be32 address;
  __be16 port;
  __u16 flags;
  __u32 backend;
  __u32 generation;
  __u32 service;
  // Tick of the last packet.
  __u32 seen;
  // Interface of the client's first packet.
  __u32 frontend;
  __u32 zero;
};

struct flow6 {
  __be32 address[4];
  __be16 port;
  __u16 flags;
  __u32 backend;
  __u32 generation;
  __u32 service;
  __u32 seen;
  __u32 frontend;
};

struct affinity_key4 {
  __be32 client;
  __u32 service;
};

struct affinity_key6 {
  __be32 client[4];
  __u32 service;
};

struct affinity {
  __u32 backend;
  __u32 generation;
  __u32 seen;
};

// An interface that packets are taken from.
struct port {
  __u32 interface;
  // ROLE_…
  __u32 role;
  // Where frames leave: of a frontend the backend's interface, of a backend the frontend's (in single mode).
  __u32 opposite;
};

struct traffic {
  __u64 packets;
  __u64 bytes;
  __u64 flows;
};

// How long a flow is remembered after its last packet, in ticks.
struct timeouts {
  __u32 half_open;
  __u32 established;
  __u32 closing;
  __u32 udp_unanswered;
  __u32 udp_answered;
  __u32 echo;
};

// Indexes of `counts`: why a packet met the fate that it did.
#define COUNT_PASSED 0
#define COUNT_NEW_FLOW 1
#define COUNT_PROMOTED 2
#define COUNT_NO_BACKEND 3
#define COUNT_BACKEND_DOWN 4
#define COUNT_MALFORMED 5
#define COUNT_FRAGMENT 6
#define COUNT_TABLE_FULL 7
#define COUNT_NO_ROOM 8
// The ways back to the client are those of other flows, whichever backend is taken.
#define COUNT_WAYS_TAKEN 9
#define COUNT_ECHO_ANSWERED 10
#define COUNT_OTHER_PORT 11
#define COUNTS 16
