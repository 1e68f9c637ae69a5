package dkv20

import (
	"encoding/binary"
	"strings"
)

// The limits of the definition, section 1. Lengths are in bytes.
const (
	ReplicasMax    = 64      // replicas in a cluster, of which there is at least one
	KeyLengthMax   = 4096    // length of a key, which is not empty
	ValueLengthMax = 1048576 // length of a value, which may be empty
)

// The tag of an op's encoding, which is also its kind.
const (
	tagNoOp = 0
	tagPut  = 1
	tagDel  = 2
)

// Op is an operation on the map of a replica (definition, section 2): [Put],
// [Del], or [NoOp], which is the zero value too. Keys and values are byte
// strings, not necessarily text. An Op is immutable, and ops can be compared
// with ==.
type Op struct {
	tag   byte
	key   string
	value string
}

// NoOp gives the op that has no effect.
func NoOp() Op { return Op{} }

// Put gives the op that makes key map to value. Both are copied, so that an op
// that is kept does not keep a larger string they were cut from. Their limits
// are checked where the op is proposed.
func Put(key, value string) Op {
	return Op{tagPut, strings.Clone(key), strings.Clone(value)}
}

// Del gives the op that makes key absent. The key is copied, and its limits are
// checked where the op is proposed.
func Del(key string) Op {
	return Op{tag: tagDel, key: strings.Clone(key)}
}

// checkLimits answers ErrKeyLength, else ErrValueLength, where the op is outside
// section 1's limits.
func (op *Op) checkLimits() error {
	if op.tag == tagNoOp {
		return nil
	}
	if err := checkKey(op.key); err != nil {
		return err
	}
	if len(op.value) > ValueLengthMax {
		return ErrValueLength
	}
	return nil
}

func checkKey(key string) error {
	if len(key) < 1 || len(key) > KeyLengthMax {
		return ErrKeyLength
	}
	return nil
}

// AppendEncoding appends the op's encoding (definition, section 2) to out: a
// byte tag; for Put then u32 key length, key, u32 value length, value; for Del
// then u32 key length, key.
func (op Op) AppendEncoding(out []byte) []byte {
	out = append(out, op.tag)
	if op.tag == tagNoOp {
		return out
	}
	out = append(putU32LE(out, uint32(len(op.key))), op.key...)
	if op.tag == tagDel {
		return out
	}
	return append(putU32LE(out, uint32(len(op.value))), op.value...)
}

// putU32LE appends v in four bytes, the lowest first.
func putU32LE(out []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(out, v) }

// putU64LE appends v in eight bytes, the lowest first.
func putU64LE(out []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(out, v) }
