package dkv20

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"iter"
)

const (
	snapshotMagic   = "DKVS"
	snapshotVersion = 1
	headerSize      = 32
)

// dumpState returns the bytes of a snapshot (definition, section 5): a header,
// then the entries of the map in ascending order of the keys.
func dumpState(commitIndex, term uint64, table *keyTable) []byte {
	out := make([]byte, 0, headerSize+table.bytes)
	out = appendHeader(out, commitIndex, term, table.size())
	for op := range table.puts {
		out = append(out, op.snapshotEntry()...)
	}
	return out
}

// snapshotHash returns the SHA-256 of what dumpState returns, in lower-case hex.
func snapshotHash(commitIndex, term uint64, table *keyTable) string {
	digest := sha256.New()
	w := bufio.NewWriterSize(digest, hashBufferSize) // a hash never returns an error
	_, _ = w.Write(appendHeader(nil, commitIndex, term, table.size()))
	for op := range table.puts {
		_, _ = w.WriteString(op.snapshotEntry())
	}
	_ = w.Flush()
	return hex.EncodeToString(digest.Sum(nil))
}

func appendHeader(out []byte, commitIndex, term uint64, keyCount int) []byte {
	out = putU32LE(append(out, snapshotMagic...), snapshotVersion)
	return putU64LE(putU64LE(putU64LE(out, commitIndex), term), uint64(keyCount))
}

// Snapshot is the state that [LoadState] has read.
type Snapshot struct {
	commitIndex uint64
	term        uint64
	table       keyTable
}

// CommitIndex returns the index of the last entry that the state includes.
func (s *Snapshot) CommitIndex() uint64 { return s.commitIndex }

// Term returns the term of the entry at the commit index, or 0 if that is 0.
func (s *Snapshot) Term() uint64 { return s.term }

// KeyCount returns the number of keys.
func (s *Snapshot) KeyCount() int { return s.table.size() }

// Get returns the value of key, and whether there is one.
func (s *Snapshot) Get(key string) (value string, ok bool) { return s.table.get(key) }

// All yields the keys and values, in ascending order of the keys' unsigned bytes.
func (s *Snapshot) All() iter.Seq2[string, string] { return s.table.all }

// DumpState returns the bytes that LoadState has read.
func (s *Snapshot) DumpState() []byte { return dumpState(s.commitIndex, s.term, &s.table) }

// SnapshotHash returns the SHA-256 of DumpState in lower-case hex.
func (s *Snapshot) SnapshotHash() string { return snapshotHash(s.commitIndex, s.term, &s.table) }

// LoadState reads a snapshot (definition, section 5). It returns a [*LoadError]
// unless dumping the snapshot again would return the same bytes. It keeps no
// reference to data, and the memory that it allocates is proportional to data,
// whatever lengths and counts are in it.
func LoadState(data []byte) (*Snapshot, error) {
	in := reader{data: data}
	s := in.snapshot()
	if in.err != nil {
		return nil, in.err
	}
	return s, nil
}

// reader reads the fields of a snapshot front to back. Each field is complete
// before it is checked, and checked before the next one is read. After the first
// error it reads nothing more.
type reader struct {
	data   []byte
	offset int
	field  int // offset of the field that was read last
	err    *LoadError
}

func (in *reader) snapshot() *Snapshot {
	s := new(Snapshot)
	in.require(string(in.take(len(snapshotMagic))) == snapshotMagic, ErrBadMagic)
	in.require(in.number(4) == snapshotVersion, ErrBadVersion)
	s.commitIndex = in.number(8)
	s.term = in.number(8)
	in.require((s.commitIndex == 0) == (s.term == 0), ErrBadTerm)
	count := in.number(8)
	in.require(count <= s.commitIndex, ErrBadCount)
	var previous []byte // less than every key, since keys are not empty
	for i := uint64(0); i < count && in.err == nil; i++ {
		key := in.byteString(checkKeyLength, ErrKeyLength)
		in.require(bytes.Compare(key, previous) > 0, ErrKeyOrder)
		value := in.byteString(checkValueLength, ErrValueLength)
		if in.err == nil {
			op := makePut(key, value)
			s.table.put(&op)
		}
		previous = key
	}
	in.field = in.offset
	in.require(in.offset == len(in.data), ErrTrailingBytes)
	return s
}

// require records an error in the field that was read last, unless ok or there
// has been an error.
func (in *reader) require(ok bool, code ErrorCode) {
	if !ok && in.err == nil {
		in.err = &LoadError{Code: code, Offset: in.field}
	}
}

// take reads a field of size bytes. It returns nil after an error.
func (in *reader) take(size int) []byte {
	if in.err != nil {
		return nil
	}
	in.field = in.offset
	if len(in.data)-in.offset < size {
		in.require(false, ErrTruncated)
		return nil
	}
	in.offset += size
	return in.data[in.field:in.offset]
}

// number reads a number of at most eight bytes. It returns 0 after an error.
func (in *reader) number(size int) uint64 {
	var b [8]byte
	copy(b[:], in.take(size))
	return binary.LittleEndian.Uint64(b[:])
}

// byteString reads a length, checks it, and reads as many bytes.
func (in *reader) byteString(checkLength func(int) error, code ErrorCode) []byte {
	length := int(min(in.number(4), ValueLengthMax+1)) // fits into an int of 32 bits
	in.require(checkLength(length) == nil, code)
	return in.take(length)
}
