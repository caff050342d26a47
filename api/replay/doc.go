// Package replay is the replay window: it takes each message once, and says so only when it can know.
// It follows the section "Freshness" of the protocol, for every message that a server receives.
//
// # The rule
//
// A message stamped T is taken if and only if
//   - now - ΔT <= T <= now + δ (30 s and 2 s), by this server's clock and by Redis' clock, which may differ by
//     1 s at most, and
//   - T > floor, the newest time whose ids may have been forgotten, and
//   - its id, which the protocol makes of receiver, sender, type and N, is not among the ids remembered.
//
// One Lua script decides this in one atomic step for all replicas of a service. Ids at or below
// now - ΔT - 1 s are purged, a bounded number a call, and only after the floor has been raised over them.
//
// # Why the floor
//
// Redis forgets: a crash without persistence, FLUSHALL, a promoted replica that had not received everything.
// A window that only asks "is this id new?" then takes every recent message a second time. Here the ids
// live in one sorted set together with the floor and an epoch, the name of the memory that they live in:
// Redis' run_id and master_replid. A missing or different epoch means that ids may be lost. The floor then
// rises to now + δ, above everything that can have been accepted, and messages are taken again about 2 s
// later. Until then they are refused as stale, never accepted on trust.
//
// Being a single key matters. Eviction, deletion and the move of a cluster slot take ids and epoch together,
// so none can make the window forget without noticing; and an id is met again whatever T it comes with.
// No key has a time to live: its end would be one more loss of memory, a new epoch after each quiet spell.
// What a service that is gone leaves behind is one key.
//
// # What Redis must provide
//
//   - Version 6 or newer. INFO, TIME and the sorted set commands must be usable in scripts.
//   - maxmemory-policy noeviction. [New] and [Window.Ready] refuse anything else where maxmemory is set. About
//     150 bytes a message for 33 s; a full window refuses new messages, goes on purging, and so recovers.
//   - Clocks kept by NTP. Floor and freshness hold if a promoted server and its callers are not further
//     behind the former ones than the failover took.
//   - With replicas: min-replicas-to-write 1 and a min-replicas-max-lag shorter than the time after which a
//     master is called dead (down-after-milliseconds, cluster-node-timeout). Redis replicates asynchronously; a
//     master cut off from its replicas would otherwise go on accepting beside its successor. For the same
//     reason whatever changes state also carries its operation id as a unique key in the database.
//
// Persistence is not needed: after a restart the floor covers what the disk may have missed.
//
// # The ACL user
//
// It can do what the window does and nothing else. In a cluster add +cluster|slots, on every node.
//
//	ACL SETUSER NAMESPACE-window on >PASSWORD resetchannels resetkeys ~{rw:NAMESPACE}:window -@all
//	  +eval +evalsha +info +time +zadd +zscore +zcount +zrem +zremrangebyrank +zremrangebyscore
//
// # Failing closed
//
// Whatever keeps the script from answering within 50 ms, or makes its answer doubtful, is [ErrUnavailable]:
// to be answered with 503 and Retry-After. The client library never sends a command twice.
package replay
