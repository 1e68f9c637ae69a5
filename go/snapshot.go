package dkv20

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"iter"
	"unsafe"
)

// The layout of a snapshot (definition, section 5): offsets of the fields before
// the first key.
const (
	magic           = "DKVS"
	snapshotVersion = 1

	versionOffset = 4
	commitOffset  = 8
	termOffset    = 16
	countOffset   = 24
	keysOffset    = 32
)

// header is what a snapshot tells beside the map: the commit index, and the term
// of the entry there (0 where that is 0).
type header struct{ commit, term uint64 }

func (h header) appendTo(out []byte, keys int) []byte {
	out = putU32LE(append(out, magic...), snapshotVersion)
	return putU64LE(putU64LE(putU64LE(out, h.commit), h.term), uint64(keys))
}

// dumpState gives the snapshot's bytes.
func dumpState(h header, state *orderedMap) []byte {
	out := make([]byte, 0, keysOffset+state.bytes)
	return state.appendTo(h.appendTo(out, state.count()))
}

// hashState gives the SHA-256 of the snapshot's bytes in lower-case hex.
func hashState(h header, state *orderedMap) string {
	sum := sha256.New()
	writeState(sum, h, state)
	return hex.EncodeToString(sum.Sum(nil))
}

// writeState writes the snapshot's bytes, piece by piece, to what cannot fail.
func writeState(to io.Writer, h header, state *orderedMap) {
	w := bufio.NewWriterSize(to, hashBufferSize)
	_, _ = w.Write(h.appendTo(nil, state.count()))
	for put := range state.ascending {
		_, _ = w.Write(bytesOf(put.entry()))
	}
	_ = w.Flush()
}

// bytesOf gives the bytes of s, not a copy of them, to a writer: no io.Writer may
// change or keep what it is given. A copy takes an eighth of the time of a hash.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Snapshot is what [LoadState] has read.
type Snapshot struct {
	header header
	state  orderedMap
}

// CommitIndex gives the index of the last entry that the state includes.
func (s *Snapshot) CommitIndex() uint64 { return s.header.commit }

// Term gives the term of the entry at the commit index, 0 where that is 0.
func (s *Snapshot) Term() uint64 { return s.header.term }

// Len gives the number of keys.
func (s *Snapshot) Len() int { return s.state.count() }

// Get gives the value of key, and whether there is one.
func (s *Snapshot) Get(key string) (value string, present bool) { return s.state.get(key) }

// All gives the keys and values in ascending order of the keys' unsigned bytes.
func (s *Snapshot) All() iter.Seq2[string, string] { return s.state.all }

// DumpState gives the bytes that LoadState has read.
func (s *Snapshot) DumpState() []byte { return dumpState(s.header, &s.state) }

// SnapshotHash gives the SHA-256 of DumpState in lower-case hex.
func (s *Snapshot) SnapshotHash() string { return hashState(s.header, &s.state) }

// LoadState reads a snapshot's bytes, which it does not keep. It is strict: what
// it accepts, dumped again, gives the same bytes. What it refuses it answers
// with a [*LoadError] (definition, section 5, in that order). What it allocates
// is in proportion to the bytes, whatever they claim.
func LoadState(data []byte) (*Snapshot, error) {
	in := reader{data: data}
	s, err := in.snapshot()
	if err != nil {
		return nil, err
	}
	return s, nil
}

// reader reads the fields of a snapshot front to back. After a fault it reads
// nothing more, and the first fault stays.
type reader struct {
	data  []byte
	at    int
	field int // where the field read last begins
	fault *LoadError
}

func (in *reader) snapshot() (*Snapshot, error) {
	s := new(Snapshot)
	in.check(string(in.take(len(magic))) == magic, ErrBadMagic)
	in.check(in.u32() == snapshotVersion, ErrBadVersion)
	s.header.commit = in.u64()
	s.header.term = in.u64()
	in.check((s.header.commit == 0) == (s.header.term == 0), ErrBadTerm)
	count := in.u64()
	in.check(count <= s.header.commit, ErrBadCount)
	var before []byte // keys are not empty, so each is above this
	for i := uint64(0); i < count && in.fault == nil; i++ {
		key := in.byteString(1, KeyLengthMax, ErrKeyLength)
		in.check(bytes.Compare(key, before) > 0, ErrKeyOrder)
		value := in.byteString(0, ValueLengthMax, ErrValueLength)
		if in.fault == nil {
			put := makePut(key, value)
			s.state.set(&put)
		}
		before = key
	}
	in.field = in.at
	in.check(in.at == len(in.data), ErrTrailingBytes)
	if in.fault != nil {
		return nil, in.fault
	}
	return s, nil
}

// check makes a fault of the field read last, unless it is as it must be.
func (in *reader) check(good bool, code ErrorCode) {
	if !good && in.fault == nil {
		in.fault = &LoadError{code, in.field}
	}
}

// take reads a field of size bytes.
func (in *reader) take(size int) []byte {
	if in.fault != nil {
		return nil
	}
	in.field = in.at
	if len(in.data)-in.at < size {
		in.check(false, ErrTruncated)
		return nil
	}
	in.at += size
	return in.data[in.field:in.at]
}

func (in *reader) u32() uint32 {
	if b := in.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (in *reader) u64() uint64 {
	if b := in.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// byteString reads a length within the limits, then as many bytes.
func (in *reader) byteString(least, most uint32, code ErrorCode) []byte {
	length := in.u32()
	in.check(least <= length && length <= most, code)
	if in.fault != nil {
		return nil
	}
	return in.take(int(length))
}
