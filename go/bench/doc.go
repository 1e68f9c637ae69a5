// Package bench compares the Go port of dkv20 with the floor, which is maps of the
// standard library and nothing else, and with etcd-io/raft. It is a module of its
// own, so that the port has no dependencies.
//
// Compare only figures of the same run:
//
//	go test -bench . -benchtime 1x -count 5
package bench
