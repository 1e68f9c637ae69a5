// Package dkv20 is the Go port of dkv20, a replicated key-value state machine
// that is defined to the byte: every port gives the same answers and the same
// snapshots, whatever language it is in.
//
// Begin with [NewCluster]. [Cluster.Propose] hands an [Op] ([Put], [Del] or
// [NoOp]) to the leader, and [Cluster.Replica] gives a [Replica] to look at. A
// cluster runs in one process, without a clock or a network:
// [Cluster.Partition] takes replicas off it, and [Cluster.Heal] brings them
// back. What a replica has committed is dumped by [Replica.DumpState], byte for
// byte the same on every replica and in every port, and read by [LoadState].
//
// [Serve] speaks the port protocol, and [Session] answers it line by line.
// [Scenario] and [CheckTrace] are what ports are compared by.
//
// Errors are [ErrorCode] constants, to be compared with [errors.Is]. What
// answers with an error has changed nothing. Keys, values and snapshots are byte
// strings: a Go string here is any sequence of bytes.
//
// "Definition, section 4" in these pages is section 4 of docs/CONCEPTS.md.
package dkv20
