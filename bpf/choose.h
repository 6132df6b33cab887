// SPDX-License-Identifier: GPL-2.0
// Which backend a new flow gets: a hash of what tells flows apart, and a slot of the ring of its service. The program that steers
// these has the same functions and tells offline what these would say.
#pragma once

#include "maps.h"

#define INLINE static __always_inline

// The same on every machine that is to choose alike.
const volatile __u32 hash_seed = 0;

INLINE __u32 rotated(__u32 value, int bits) {
  return value << bits | value >> (32 - bits);
}

// MurmurHash3 x86_32 (Austin Appleby, public domain) of whole words.
INLINE __u32 hash_words(const __u32 *words, int count) {
  __u32 state = hash_seed;
#pragma unroll
  for (int index = 0; index < count; index++) {
    state ^= rotated(words[index] * 0xcc9e2d51, 15) * 0x1b873593;
    state = rotated(state, 13) * 5 + 0xe6546b64;
  }
  state ^= count * 4;
  state = (state ^ state >> 16) * 0x85ebca6b;
  state = (state ^ state >> 13) * 0xc2b2ae35;
  return state ^ state >> 16;
}

// The backend in the slot that the hash means, 0 = the service has none.
INLINE __u32 ring_backend(__u32 service, __u32 hash) {
  struct ring *found = bpf_map_lookup_elem(&rings, &service);
  if (!found) return 0;
  // One read: the ring may be exchanged at this moment.
  __u64 ring = *(volatile __u64 *)found;
  __u32 length = ring >> 32;
  __u32 slot = (__u32)ring + (__u32)(((__u64)hash * length) >> 32);
  __u32 pair = slot >> 1;
  __u64 *slots = bpf_map_lookup_elem(&ring_slots, &pair);
  if (!length || !slots) return 0;
  return slot & 1 ? *slots >> 32 : (__u32)*slots;
}

INLINE int is_same_address(const __be32 *one, const __be32 *other, int words) {
  __u32 difference = 0;
#pragma unroll
  for (int word = 0; word < words; word++) difference |= one[word] ^ other[word];
  return difference == 0;
}

INLINE void count(__u32 what) {
  __u64 *counter = bpf_map_lookup_elem(&counts, &what);
  if (counter) ++*counter;
}

INLINE __u32 tick(void) {
  return bpf_ktime_get_coarse_ns() >> 30;
}
