package dkv20

import "fmt"

// ErrorCode is the reason why an operation failed, named as the port protocol
// names it. Each constant is an error by itself; compare with [errors.Is]. An
// operation that returns an error has changed nothing.
type ErrorCode string

// The error codes of the definition, with the section that defines each.
const (
	ErrReplicaCount    ErrorCode = "replica-count"    // a cluster has 1 to [ReplicasMax] replicas (section 1)
	ErrKeyLength       ErrorCode = "key-length"       // a key has 1 to [KeyLengthMax] bytes (section 1)
	ErrValueLength     ErrorCode = "value-length"     // a value has at most [ValueLengthMax] bytes (section 1)
	ErrUnknownReplica  ErrorCode = "unknown-replica"  // no replica of the cluster has this id (section 4)
	ErrNoLeader        ErrorCode = "no-leader"        // the current leader is isolated (section 4.1)
	ErrNotLeader       ErrorCode = "not-leader"       // the replica's role is follower (section 4.2)
	ErrTruncated       ErrorCode = "truncated"        // a snapshot ends within a field (section 5)
	ErrBadMagic        ErrorCode = "bad-magic"        // the bytes are not a snapshot (section 5)
	ErrBadVersion      ErrorCode = "bad-version"      // a snapshot of another version (section 5)
	ErrBadTerm         ErrorCode = "bad-term"         // exactly one of commit index and term is 0 (section 5)
	ErrBadCount        ErrorCode = "bad-count"        // a snapshot has more keys than commits (section 5)
	ErrKeyOrder        ErrorCode = "key-order"        // a snapshot's keys do not ascend (section 5)
	ErrTrailingBytes   ErrorCode = "trailing-bytes"   // bytes follow a snapshot's last value (section 5)
	ErrKeySpace        ErrorCode = "key-space"        // a key space has 1 to [KeysMax] keys (section 8)
	ErrCount           ErrorCode = "count"            // a count is outside the command's limits (section 8)
	ErrUnknownScenario ErrorCode = "unknown-scenario" // no scenario has this name (section 8)
	ErrDiverged        ErrorCode = "diverged"         // a scenario failed, or its replicas differ (section 9)
	ErrLineLength      ErrorCode = "line-length"      // a line has at most [LineLengthMax] bytes (section 8)
	ErrUnknownCommand  ErrorCode = "unknown-command"  // no command has this name (section 8)
	ErrSyntax          ErrorCode = "syntax"           // the command does not take these tokens (section 8)
	ErrNoCluster       ErrorCode = "no-cluster"       // the command needs a cluster, and there is none yet (section 8)
)

// Error returns the code's name, such as "key-length".
func (c ErrorCode) Error() string { return string(c) }

// LoadError reports why bytes are not a snapshot (definition, section 5). It
// unwraps to its code.
type LoadError struct {
	Code   ErrorCode
	Offset int // of the first byte of the invalid field, from 0
}

// Error returns the code and the offset, as in "bad-term offset=16".
func (e *LoadError) Error() string { return fmt.Sprintf("%s offset=%d", e.Code, e.Offset) }

// Unwrap returns the code.
func (e *LoadError) Unwrap() error { return e.Code }
