package dkv20

import (
	"encoding/binary"
	"hash/maphash"
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

// Where the fields of an op's encoding stand.
const (
	tagSize    = 1
	lengthSize = 4 // of a length field
	keyOffset  = tagSize + lengthSize
)

// Op is an operation on the map of a replica (definition, section 2): [Put],
// [Del], or [NoOp], which is the zero value too. Keys and values are byte
// strings, not necessarily text. An Op is immutable, and ops can be compared
// with ==.
//
// It is held as its encoding, so that logs and maps share its bytes, and hash
// and snapshot are copies of them.
type Op struct {
	encoding string // empty for NoOp
	hash     uint32 // of the key, for the maps of all replicas
	inline   inlineKey
	tag      byte // the first of the encoding
}

// inlineKey is a short key, held inline: its bytes, zeros, and its length. It is
// all zeros for a key that is longer, or empty. An op with a short key takes
// effect without waiting for what it refers to, which may be anywhere in memory.
type inlineKey [11]byte

func inlineKeyOf[S string | []byte](key S) (inline inlineKey) {
	if last := len(inline) - 1; len(key) <= last {
		copy(inline[:last], key)
		inline[last] = byte(len(key))
	}
	return inline
}

// NoOp gives the op that has no effect.
func NoOp() Op { return Op{} }

// Put gives the op that makes key map to value. Both are copied. Their limits
// are checked where the op is proposed.
func Put(key, value string) Op { return makePut(key, value) }

// Del gives the op that makes key absent. The key is copied, and its limits are
// checked where the op is proposed.
func Del(key string) Op { return makeDel(key) }

// makePut makes a Put of either kind of byte string, which it copies.
func makePut[S string | []byte](key, value S) Op {
	key = key[:min(len(key), KeyLengthMax+1)] // one byte too many is enough to be refused for
	value = value[:min(len(value), ValueLengthMax+1)]
	keyLength, valueLength := lengthField(len(key)), lengthField(len(value))
	encoding := "\x01" + string(keyLength[:]) + string(key) + string(valueLength[:]) + string(value)
	return Op{encoding, hashOf(key), inlineKeyOf(key), tagPut}
}

// makeDel makes a Del, likewise.
func makeDel[S string | []byte](key S) Op {
	key = key[:min(len(key), KeyLengthMax+1)]
	keyLength := lengthField(len(key))
	encoding := "\x02" + string(keyLength[:]) + string(key)
	return Op{encoding, hashOf(key), inlineKeyOf(key), tagDel}
}

func lengthField(length int) (field [lengthSize]byte) {
	binary.LittleEndian.PutUint32(field[:], uint32(length))
	return field
}

// hashSeed differs from run to run, so that nobody can choose keys that collide.
// No answer depends on it.
var hashSeed = maphash.MakeSeed()

func hashOf[S string | []byte](key S) uint32 {
	return uint32(maphash.String(hashSeed, string(key)))
}

func (op *Op) isNoOp() bool { return op.tag == tagNoOp }

// keyEnd gives where the key ends in the encoding of what is no NoOp.
func (op *Op) keyEnd() int {
	if op.isInline() {
		return keyOffset + int(op.inline[len(op.inline)-1])
	}
	e := op.encoding[tagSize:keyOffset]
	return keyOffset + int(uint32(e[0])|uint32(e[1])<<8|uint32(e[2])<<16|uint32(e[3])<<24)
}

// key gives the key of what is no NoOp.
func (op *Op) key() string { return op.encoding[keyOffset:op.keyEnd()] }

// isInline tells whether the key is held inline too.
func (op *Op) isInline() bool { return op.inline[len(op.inline)-1] != 0 }

// hasKeyOf tells whether two ops, neither a NoOp, have the same key.
func (op *Op) hasKeyOf(other *Op) bool {
	return op.inline == other.inline && (op.isInline() || op.key() == other.key())
}

// value gives the value of a Put.
func (op *Op) value() string { return op.encoding[op.keyEnd()+lengthSize:] }

// entry gives what a Put is in a snapshot: u32 key length, key, u32 value
// length, value.
func (op *Op) entry() string { return op.encoding[tagSize:] }

// checkLimits answers ErrKeyLength, else ErrValueLength, where the op is outside
// section 1's limits.
func (op *Op) checkLimits() error {
	if op.isNoOp() {
		return nil
	}
	if err := checkKey(op.key()); err != nil {
		return err
	}
	if op.tag == tagPut && len(op.value()) > ValueLengthMax {
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
// then u32 key length, key. The op is within its limits.
func (op Op) AppendEncoding(out []byte) []byte {
	if op.isNoOp() {
		return append(out, tagNoOp)
	}
	return append(out, op.encoding...)
}

// putU32LE appends v in four bytes, the lowest first.
func putU32LE(out []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(out, v) }

// putU64LE appends v in eight bytes, the lowest first.
func putU64LE(out []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(out, v) }
