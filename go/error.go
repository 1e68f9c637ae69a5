package dkv20

import "fmt"

// ErrorCode is one of the ways in which a command can fail. Each constant is an
// error by itself, to be compared with [errors.Is]; what failed has changed
// nothing.
type ErrorCode uint8

// The error codes of the definition. The sections that say when each is
// answered stand beside them.
const (
	ErrReplicaCount    ErrorCode = iota + 1 // a cluster of none or of more than [ReplicasMax] replicas (section 1)
	ErrKeyLength                            // an empty key or one above [KeyLengthMax] (section 1)
	ErrValueLength                          // a value above [ValueLengthMax] (section 1)
	ErrUnknownReplica                       // an id that no replica has (section 4)
	ErrNoLeader                             // the current leader is isolated (section 4.1)
	ErrNotLeader                            // the replica is a follower (section 4.2)
	ErrTruncated                            // a snapshot ends within a field (section 5)
	ErrBadMagic                             // not a snapshot (section 5)
	ErrBadVersion                           // a snapshot of another version (section 5)
	ErrBadTerm                              // one of commit index and term is 0, not both (section 5)
	ErrBadCount                             // a snapshot with more keys than commits (section 5)
	ErrKeyOrder                             // a snapshot's key not above the one before (section 5)
	ErrTrailingBytes                        // bytes after a snapshot's last value (section 5)
	ErrKeySpace                             // a key space of none or of more than [KeysMax] keys (section 8)
	ErrCount                                // a count outside a command's limits (section 8)
	ErrUnknownScenario                      // neither A nor B (section 8)
	ErrDiverged                             // a scenario whose replicas differ (section 9)
	ErrLineLength                           // a line above [LineLengthMax] (section 8)
	ErrUnknownCommand                       // no command of section 8
	ErrSyntax                               // tokens that the command does not take (section 8)
	ErrNoCluster                            // a command that needs a cluster, before there is one (section 8)
)

var errorNames = [...]string{
	ErrReplicaCount:    "replica-count",
	ErrKeyLength:       "key-length",
	ErrValueLength:     "value-length",
	ErrUnknownReplica:  "unknown-replica",
	ErrNoLeader:        "no-leader",
	ErrNotLeader:       "not-leader",
	ErrTruncated:       "truncated",
	ErrBadMagic:        "bad-magic",
	ErrBadVersion:      "bad-version",
	ErrBadTerm:         "bad-term",
	ErrBadCount:        "bad-count",
	ErrKeyOrder:        "key-order",
	ErrTrailingBytes:   "trailing-bytes",
	ErrKeySpace:        "key-space",
	ErrCount:           "count",
	ErrUnknownScenario: "unknown-scenario",
	ErrDiverged:        "diverged",
	ErrLineLength:      "line-length",
	ErrUnknownCommand:  "unknown-command",
	ErrSyntax:          "syntax",
	ErrNoCluster:       "no-cluster",
}

// Error gives the code as the definition spells it, as in "key-length".
func (c ErrorCode) Error() string {
	if c == 0 || int(c) >= len(errorNames) {
		return fmt.Sprintf("error code %d", uint8(c))
	}
	return errorNames[c]
}

// LoadError tells why bytes are not a snapshot (definition, section 5). It
// unwraps to its code.
type LoadError struct {
	Code   ErrorCode
	Offset int // in bytes, where the field at fault begins
}

// Error gives the code and the offset, as in "bad-magic offset=0".
func (e *LoadError) Error() string {
	return fmt.Sprintf("%s offset=%d", e.Code.Error(), e.Offset)
}

// Unwrap gives the code.
func (e *LoadError) Unwrap() error { return e.Code }
