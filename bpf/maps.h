// SPDX-License-Identifier: GPL-2.0
// What kernel programs and the program that steers them share. Numbers of entries that settings change are set when the maps are made.
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "layout.h"

#define HASH_MAP(name, kind, key_type, value_type, entries) \
  struct {                                                  \
    __uint(type, kind);                                     \
    __type(key, key_type);                                  \
    __type(value, value_type);                              \
    __uint(max_entries, entries);                           \
  } name SEC(".maps")

#define ARRAY_MAP(name, kind, value_type, entries, flags) \
  struct {                                                \
    __uint(type, kind);                                   \
    __type(key, __u32);                                   \
    __type(value, value_type);                            \
    __uint(max_entries, entries);                         \
    __uint(map_flags, flags);                             \
  } name SEC(".maps")

HASH_MAP(services4, BPF_MAP_TYPE_HASH, struct service_key4, struct service, 65536);
HASH_MAP(services6, BPF_MAP_TYPE_HASH, struct service_key6, struct service, 65536);
HASH_MAP(vips4, BPF_MAP_TYPE_HASH, __be32, struct vip, 65536);
HASH_MAP(vips6, BPF_MAP_TYPE_HASH, __be32[4], struct vip, 65536);
HASH_MAP(flows4, BPF_MAP_TYPE_LRU_HASH, struct flow_key4, struct flow4, 262144);
HASH_MAP(flows6, BPF_MAP_TYPE_LRU_HASH, struct flow_key6, struct flow6, 262144);
// Flows that no backend has answered yet have tables of their own: a flood of them evicts nobody who is served.
HASH_MAP(half_open4, BPF_MAP_TYPE_LRU_HASH, struct flow_key4, struct flow4, 65536);
HASH_MAP(half_open6, BPF_MAP_TYPE_LRU_HASH, struct flow_key6, struct flow6, 65536);
HASH_MAP(affinities4, BPF_MAP_TYPE_LRU_HASH, struct affinity_key4, struct affinity, 65536);
HASH_MAP(affinities6, BPF_MAP_TYPE_LRU_HASH, struct affinity_key6, struct affinity, 65536);

// By the id of a service.
ARRAY_MAP(rings, BPF_MAP_TYPE_ARRAY, struct ring, 65536, BPF_F_MMAPABLE);
// Ids of backends, two in each number: the kernel gives every value of an array eight bytes.
ARRAY_MAP(ring_slots, BPF_MAP_TYPE_ARRAY, __u64, 2097152, BPF_F_MMAPABLE);
// By the id of a backend. 0 is nobody.
ARRAY_MAP(backends, BPF_MAP_TYPE_ARRAY, struct backend, 65536, 0);
ARRAY_MAP(backend_traffic, BPF_MAP_TYPE_PERCPU_ARRAY, struct traffic, 65536, 0);
ARRAY_MAP(counts, BPF_MAP_TYPE_PERCPU_ARRAY, __u64, COUNTS, 0);

#ifdef XDP
// Interfaces that frames leave by: XDP redirects to those alone that stand here.
HASH_MAP(doors, BPF_MAP_TYPE_DEVMAP_HASH, __u32, __u32, 256);
#endif
