// Package dkv20 is a replicated key-value state machine that is defined to the
// byte: every port, in whatever language, returns the same answers and writes the
// same snapshots. This is the port to Go.
//
// Start with [NewCluster]. [Cluster.Propose] proposes an [Op] ([Put], [Del] or
// [NoOp]) to the leader, and [Cluster.Replica] returns a [Replica] for inspection.
// A cluster runs in one process, without a clock or a network:
// [Cluster.Partition] isolates replicas, and [Cluster.Heal] reconnects them.
// [Replica.DumpState] returns the committed state as a snapshot, byte for byte the
// same on every replica and in every port; [LoadState] reads one.
//
// [Serve] speaks the port protocol, and [Session] runs it line by line.
// [RunScenario] and [CheckTrace] compare ports.
//
// Errors are [ErrorCode] constants; compare with [errors.Is]. A function that
// returns an error has changed nothing. Keys, values and snapshots are byte
// strings: a Go string here is any sequence of bytes.
//
// "Definition, section 4" in these comments is section 4 of docs/CONCEPTS.md.
package dkv20
