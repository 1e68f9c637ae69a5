// Package bench measures the Go port of dkv20 beside what it is compared with:
// the floor, which is maps of the standard library and nothing else, and
// etcd-io/raft. It is a module of its own so that the port depends on nothing.
//
// A figure means something only beside another one of the same run:
//
//	go test -bench . -benchtime 1x -count 5
package bench
