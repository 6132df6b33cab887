// SPDX-License-Identifier: GPL-2.0
// The balancer for one family of addresses. Included twice, with FAMILY 4 and 6: keys of IPv4 are less than half as long, which is worth
// tables of their own.

#if FAMILY == 4
#define OF(name) name##4
#define ADDRESS(place) (&(place))
#define ADDRESS_BYTES 4
#else
#define OF(name) name##6
#define ADDRESS(place) (place)
#define ADDRESS_BYTES 16
#endif

// What becomes of a packet: its target (of a client) or its source (of a backend) is replaced.
struct OF(replacement) {
  __be32 address[ADDRESS_BYTES / 4];
  __be16 port;
  // FLOW_FORWARD or 0.
  __u16 direction;
};

INLINE int OF(has_expired)(const struct OF(flow) *flow, __u8 protocol, __u32 now) {
  __u32 idle = now - flow->seen;
  int is_answered = flow->flags & FLOW_ANSWERED;
  if (flow->flags & FLOW_CLOSING) return idle > timeouts.closing;
  if (protocol == IPPROTO_TCP) return idle > (is_answered ? timeouts.established : timeouts.half_open);
  if (protocol == IPPROTO_UDP) return idle > (is_answered ? timeouts.udp_answered : timeouts.udp_unanswered);
  return idle > timeouts.echo;
}

// The key of the packets that answer those of `key`, which come from `address` and `port` then.
INLINE void OF(answer_key)(struct OF(flow_key) *answer, const struct OF(flow_key) *key, const __be32 *address, __be16 port) {
  __builtin_memset(answer, 0, sizeof *answer);
  __builtin_memcpy(ADDRESS(answer->source), address, ADDRESS_BYTES);
  __builtin_memcpy(ADDRESS(answer->target), ADDRESS(key->source), ADDRESS_BYTES);
  answer->source_port = port;
  answer->target_port = key->source_port;
  answer->protocol = key->protocol;
}

// The key of the client's packets, from that of a backend's and what these are replaced by.
INLINE void OF(client_key)(struct OF(flow_key) *client, const struct OF(flow_key) *key, const struct OF(flow) *back) {
  __builtin_memset(client, 0, sizeof *client);
  __builtin_memcpy(ADDRESS(client->source), ADDRESS(key->target), ADDRESS_BYTES);
  __builtin_memcpy(ADDRESS(client->target), ADDRESS(back->address), ADDRESS_BYTES);
  client->source_port = key->target_port;
  client->target_port = back->port;
  client->protocol = key->protocol;
}

// The backend that the client had last, where it may have it again; else that of the ring, which is remembered.
INLINE __u32 OF(sticky_backend)(const struct OF(flow_key) *key, const struct service *service, __u32 now) {
  struct OF(affinity_key) client = {.service = service->id};
  __builtin_memcpy(ADDRESS(client.client), ADDRESS(key->source), ADDRESS_BYTES);
  struct affinity *known = bpf_map_lookup_elem(&OF(affinities), &client);
  if (known && now - known->seen <= service->affinity) {
    __u32 id = known->backend;
    struct backend *backend = bpf_map_lookup_elem(&backends, &id);
    if (backend && backend->generation == known->generation && !(backend->flags & (BACKEND_DOWN | BACKEND_LEAVING))) {
      if (known->seen != now) known->seen = now;
      return id;
    }
  }
  struct OF(flow_key) alike = *key;
  alike.source_port = 0;
  __u32 id = ring_backend(service->id, hash_words((__u32 *)&alike, sizeof alike / 4));
  struct backend *backend = bpf_map_lookup_elem(&backends, &id);
  if (!id || !backend) return 0;
  struct affinity chosen = {.backend = id, .generation = backend->generation, .seen = now};
  bpf_map_update_elem(&OF(affinities), &client, &chosen, BPF_ANY);
  return id;
}

// Does another flow use these ways already? Two services that share a backend may have clients with the same address and port.
INLINE int OF(is_taken)(const struct OF(flow_key) *answer, const struct OF(flow_key) *key, __u32 now) {
  struct OF(flow) *other = bpf_map_lookup_elem(&OF(flows), answer);
  if (!other) other = bpf_map_lookup_elem(&OF(half_open), answer);
  if (!other || OF(has_expired)(other, key->protocol, now)) return 0;
  return other->port != key->target_port || !is_same_address(ADDRESS(other->address), ADDRESS(key->target), ADDRESS_BYTES / 4);
}

// Enters a flow, both ways, into the half-open table. Returns 0 where that could not be: its answers would not find their way.
INLINE int OF(enter)(const struct OF(flow_key) *key, const struct OF(flow_key) *answer, const struct OF(flow) *flow) {
  struct OF(flow) back = *flow;
  back.flags = 0;
  __builtin_memcpy(ADDRESS(back.address), ADDRESS(key->target), ADDRESS_BYTES);
  back.port = key->target_port;
  if (bpf_map_update_elem(&OF(half_open), key, flow, BPF_ANY)) return 0;
  return !bpf_map_update_elem(&OF(half_open), answer, &back, BPF_ANY);
}

// Moves an answered flow to the table that no flood reaches.
INLINE void OF(promote)(const struct OF(flow_key) *key, const struct OF(flow) *known) {
  struct OF(flow) flow = *known;
  struct OF(flow_key) answer;
  OF(answer_key)(&answer, key, ADDRESS(flow.address), flow.port);
  struct OF(flow) *half = bpf_map_lookup_elem(&OF(half_open), &answer);
  if (!half) return;
  struct OF(flow) back = *half;
  // The way back first: a client's packet may follow at once on another processor.
  if (bpf_map_update_elem(&OF(flows), &answer, &back, BPF_ANY)) return count(COUNT_TABLE_FULL);
  if (bpf_map_update_elem(&OF(flows), key, &flow, BPF_ANY)) return count(COUNT_TABLE_FULL);
  bpf_map_delete_elem(&OF(half_open), key);
  bpf_map_delete_elem(&OF(half_open), &answer);
  count(COUNT_PROMOTED);
}

// A backend has sent: the client's way is answered, and in use. Once per tick, because a lookup is not for nothing.
INLINE void OF(note_answer)(const struct OF(flow_key) *key, struct OF(flow) *back, int is_half_open, __u32 now) {
  if (back->seen == now && back->flags & FLOW_ANSWERED) return;
  back->seen = now;
  back->flags |= FLOW_ANSWERED;
  struct OF(flow_key) client;
  OF(client_key)(&client, key, back);
  struct OF(flow) *forward = is_half_open ? bpf_map_lookup_elem(&OF(half_open), &client) : bpf_map_lookup_elem(&OF(flows), &client);
  if (!forward) return;
  forward->seen = now;
  forward->flags |= FLOW_ANSWERED;
}

INLINE void OF(replace_by)(struct OF(replacement) *replacement, const struct OF(flow) *flow) {
  __builtin_memcpy(replacement->address, ADDRESS(flow->address), ADDRESS_BYTES);
  replacement->port = flow->port;
  replacement->direction = flow->flags & FLOW_FORWARD;
}

// A packet that no service takes. Returns a FATE.
INLINE int OF(without_service)(const struct OF(flow_key) *key) {
  struct vip *vip = bpf_map_lookup_elem(&OF(vips), ADDRESS(key->target));
  if (!vip) return FATE_FOREIGN;
  if (is_echo(key->protocol)) return vip->answers_echo ? FATE_ECHO : FATE_FOREIGN;
  count(COUNT_OTHER_PORT);
  return vip->other_ports == ABSENT_PASS ? FATE_FOREIGN : FATE_DROP;
}

// A first packet: which backend? Returns a FATE.
INLINE int OF(begin)(const struct OF(flow_key) *key, const struct packet *packet, __u32 now, struct OF(replacement) *replacement) {
  struct OF(service_key) wanted = {.port = key->target_port, .protocol = key->protocol};
  __builtin_memcpy(ADDRESS(wanted.vip), ADDRESS(key->target), ADDRESS_BYTES);
  struct service *service = bpf_map_lookup_elem(&OF(services), &wanted);
  if (!service) return OF(without_service)(key);
  __u32 hash = hash_words((const __u32 *)key, sizeof *key / 4);
  __u32 id = service->affinity ? OF(sticky_backend)(key, service, now) : ring_backend(service->id, hash);
  struct OF(flow) flow = {.flags = FLOW_FORWARD, .service = service->id, .seen = now, .frontend = own.interface};
  struct OF(flow_key) answer;
  int is_found = 0;
  for (int attempt = 0; attempt < CHOICES && !is_found; attempt++) {
    struct backend *backend = bpf_map_lookup_elem(&backends, &id);
    if (!id || !backend) {
      count(COUNT_NO_BACKEND);
      return service->no_backend == ABSENT_PASS ? FATE_FOREIGN : FATE_DROP;
    }
    flow.backend = id;
    flow.generation = backend->generation;
    flow.port = is_echo(key->protocol) ? 0 : backend->port;
    __builtin_memcpy(ADDRESS(flow.address), backend->address, ADDRESS_BYTES);
    OF(answer_key)(&answer, key, ADDRESS(flow.address), flow.port);
    is_found = !OF(is_taken)(&answer, key, now);
    hash += 0x9e3779b9;
    if (!is_found) id = ring_backend(service->id, hash);
  }
  if (!is_found) {
    count(COUNT_WAYS_TAKEN);
    return FATE_DROP;
  }
  if (!OF(enter)(key, &answer, &flow)) {
    count(COUNT_NO_ROOM);
    return FATE_DROP;
  }
  count(COUNT_NEW_FLOW);
  count_traffic(flow.backend, packet->bytes, 1);
  OF(replace_by)(replacement, &flow);
  return FATE_REPLACE;
}

// Returns a FATE; with FATE_REPLACE `replacement` says by what.
INLINE int OF(balance)(const struct OF(flow_key) *key, const struct packet *packet, struct OF(replacement) *replacement) {
  __u32 now = tick();
  int is_half_open = 0;
  struct OF(flow) *flow = bpf_map_lookup_elem(&OF(flows), key);
  if (!flow) {
    is_half_open = 1;
    flow = bpf_map_lookup_elem(&OF(half_open), key);
  }
  if (own.role == ROLE_BACKEND) {
    if (!flow || flow->flags & FLOW_FORWARD || OF(has_expired)(flow, key->protocol, now)) return FATE_FOREIGN;
    OF(note_answer)(key, flow, is_half_open, now);
    if (packet->is_last && !(flow->flags & FLOW_CLOSING)) flow->flags |= FLOW_CLOSING;
    count_traffic(flow->backend, packet->bytes, 0);
    OF(replace_by)(replacement, flow);
    return FATE_REPLACE;
  }
  if (flow && flow->flags & FLOW_FORWARD) {
    __u32 id = flow->backend;
    struct backend *backend = bpf_map_lookup_elem(&backends, &id);
    int is_gone = !backend || backend->generation != flow->generation || backend->flags & BACKEND_DOWN;
    if (is_gone) count(COUNT_BACKEND_DOWN);
    // A TCP connection is never moved: its new backend would not know it.
    if (is_gone && key->protocol == IPPROTO_TCP && !packet->is_first) return FATE_DROP;
    int is_reused = packet->is_first && flow->flags & FLOW_CLOSING;
    if (!is_gone && !is_reused && !OF(has_expired)(flow, key->protocol, now)) {
      if (flow->seen != now) flow->seen = now;
      if (packet->is_last && !(flow->flags & FLOW_CLOSING)) flow->flags |= FLOW_CLOSING;
      count_traffic(id, packet->bytes, 0);
      OF(replace_by)(replacement, flow);
      if (is_half_open && flow->flags & FLOW_ANSWERED) OF(promote)(key, flow);
      return FATE_REPLACE;
    }
  }
  return OF(begin)(key, packet, now, replacement);
}

#undef OF
#undef ADDRESS
#undef ADDRESS_BYTES
