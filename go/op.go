package dkv20

import (
	"encoding/binary"
	"hash/maphash"
)

// The limits of the definition, section 1. Lengths are in bytes.
const (
	ReplicasMax    = 64        // replicas in a cluster, which has at least one
	KeyLengthMax   = 4_096     // length of a key, which is at least one
	ValueLengthMax = 1_048_576 // length of a value, which may be empty
)

// The tags of an op's encoding (definition, section 2).
const (
	tagNoOp = 0
	tagPut  = 1
	tagDel  = 2
)

// The layout of the encoding of a Put or a Del: tag, key length, key. The value
// length and the value of a Put follow.
const (
	tagSize    = 1
	lengthSize = 4
	keyOffset  = tagSize + lengthSize
)

// Op is an operation on the map of a replica (definition, section 2): [Put],
// [Del], or [NoOp], which is also the zero value. Keys and values are byte
// strings, not necessarily text. An Op is immutable and can be compared with ==.
//
// An Op holds its encoding, so that logs and maps share its bytes, and hashes
// and snapshots copy them.
type Op struct {
	encoding string // empty for a NoOp
	hash     uint32 // of the key
	piece    keyPiece
	tag      byte // the first byte of the encoding
}

// keyPiece holds the first ten bytes of a key: the bytes, zeros if there are
// fewer, and their number, or one more if the key goes on. Comparing pieces first
// avoids most of the cache misses of comparing encodings.
type keyPiece [pieceLength + 1]byte

const pieceLength = 10

func pieceOf[S string | []byte](key S) (piece keyPiece) {
	copy(piece[:pieceLength], key)
	piece[pieceLength] = byte(min(len(key), pieceLength+1))
	return piece
}

// NoOp returns the op that has no effect.
func NoOp() Op { return Op{} }

// Put returns the op that maps key to value. It copies both, and does not check
// their lengths: [Cluster.Propose] does.
func Put(key, value string) Op { return makePut(key, value) }

// Del returns the op that removes key. It copies the key, and does not check its
// length: [Cluster.Propose] does.
func Del(key string) Op { return makeDel(key) }

// makePut copies no more of a key or a value than makes it too long.
func makePut[S string | []byte](key, value S) Op {
	key = key[:min(len(key), KeyLengthMax+1)]
	value = value[:min(len(value), ValueLengthMax+1)]
	keyLength, valueLength := lengthField(len(key)), lengthField(len(value))
	return Op{
		encoding: "\x01" + string(keyLength[:]) + string(key) + string(valueLength[:]) + string(value),
		hash:     hashOf(key),
		piece:    pieceOf(key),
		tag:      tagPut,
	}
}

// makeDel copies no more of a key than makes it too long.
func makeDel[S string | []byte](key S) Op {
	key = key[:min(len(key), KeyLengthMax+1)]
	keyLength := lengthField(len(key))
	return Op{
		encoding: "\x02" + string(keyLength[:]) + string(key),
		hash:     hashOf(key),
		piece:    pieceOf(key),
		tag:      tagDel,
	}
}

func lengthField(length int) (field [lengthSize]byte) {
	binary.LittleEndian.PutUint32(field[:], uint32(length))
	return field
}

// hashSeed differs from run to run, so that no client can choose keys that
// collide. No answer depends on it.
var hashSeed = maphash.MakeSeed()

func hashOf[S string | []byte](key S) uint32 {
	return uint32(maphash.String(hashSeed, string(key)))
}

func (op *Op) isNoOp() bool { return op.tag == tagNoOp }

// hasShortKey reports whether the piece is the whole key.
func (op *Op) hasShortKey() bool { return op.piece[pieceLength] <= pieceLength }

// keyEnd returns the offset in the encoding at which the key ends. The op is not
// a NoOp.
func (op *Op) keyEnd() int {
	if op.hasShortKey() {
		return keyOffset + int(op.piece[pieceLength])
	}
	e := op.encoding[tagSize:keyOffset]
	return keyOffset + int(uint32(e[0])|uint32(e[1])<<8|uint32(e[2])<<16|uint32(e[3])<<24)
}

// key returns the key. The op is not a NoOp.
func (op *Op) key() string { return op.encoding[keyOffset:op.keyEnd()] }

// value returns the value of a Put.
func (op *Op) value() string { return op.encoding[op.keyEnd()+lengthSize:] }

// hasKeyOf reports whether the two ops, neither a NoOp, have the same key.
func (op *Op) hasKeyOf(other *Op) bool {
	return op.piece == other.piece && (op.hasShortKey() || op.key() == other.key())
}

// snapshotEntry returns a Put's bytes in a snapshot: key length, key, value
// length, value.
func (op *Op) snapshotEntry() string { return op.encoding[tagSize:] }

// CheckLimits returns [ErrKeyLength], else [ErrValueLength], if the op is outside
// the limits of section 1.
func (op Op) CheckLimits() error {
	if op.isNoOp() {
		return nil
	}
	if err := checkKeyLength(len(op.key())); err != nil || op.tag == tagDel {
		return err
	}
	return checkValueLength(len(op.value()))
}

func checkKeyLength(length int) error {
	if length < 1 || length > KeyLengthMax {
		return ErrKeyLength
	}
	return nil
}

func checkValueLength(length int) error {
	if length > ValueLengthMax {
		return ErrValueLength
	}
	return nil
}

// Encode appends the op's encoding (definition, section 2) to out. The op must be
// within its limits.
func (op Op) Encode(out []byte) []byte {
	if op.isNoOp() {
		return append(out, tagNoOp)
	}
	return append(out, op.encoding...)
}

// putU32LE appends v as four bytes, the lowest first.
func putU32LE(out []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(out, v) }

// putU64LE appends v as eight bytes, the lowest first.
func putU64LE(out []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(out, v) }
