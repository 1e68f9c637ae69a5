package dkv20

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

func TestEveryByteOfALengthCounts(t *testing.T) {
	const keyLength, valueLength = 0x102, 0x1_0203
	c := newCluster(t, 1)
	for range 0x1_02 {
		propose(t, c, NoOp())
	}
	propose(t, c, Put(strings.Repeat("k", keyLength), strings.Repeat("v", valueLength)))
	dump := c.replicas[0].DumpState()
	equal(t, "commit index", string(dump[8:16]), "\x03\x01\x00\x00\x00\x00\x00\x00")
	entry := dump[32:]
	equal(t, "key length", string(entry[:4]), "\x02\x01\x00\x00")
	equal(t, "value length", string(entry[4+keyLength:][:4]), "\x03\x02\x01\x00")
	equal(t, "hash of an empty state", newCluster(t, 1).replicas[0].SnapshotHash(),
		"e3cf04904d4f7505135b16e3ca3109e488cea68733d16b66afca4057798d3576")
}

func TestLoadStateFindsEveryFault(t *testing.T) {
	c := newCluster(t, 1)
	propose(t, c, Put("a", "1"))
	propose(t, c, Put("b", strings.Repeat("v", 1_000)))
	good := c.replicas[0].DumpState()
	checkAccepted(t, good)

	const a, b = 32, 42 // the offsets of the entries
	patched := func(offset int, bytes ...byte) []byte {
		bad := slices.Clone(good)
		copy(bad[offset:], bytes)
		return bad
	}
	u32 := func(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
	checkRefused(t, []byte("DKVT"), ErrBadMagic, 0)
	checkRefused(t, patched(7, 1), ErrBadVersion, 4)
	checkRefused(t, patched(8, 0), ErrBadTerm, 16)
	checkRefused(t, patched(8, make([]byte, 16)...), ErrBadCount, 24)
	checkRefused(t, patched(31, 1), ErrBadCount, 24)
	checkRefused(t, patched(a, u32(4_096)...), ErrTruncated, a+4)
	checkRefused(t, patched(a+5, u32(1_048_576)...), ErrTruncated, a+9)
	checkRefused(t, patched(a+5, u32(1<<31)...), ErrValueLength, a+5)
	checkRefused(t, patched(b+4, 'a'), ErrKeyOrder, b+4)
	checkRefused(t, append(slices.Clone(good), 0), ErrTrailingBytes, len(good))
	checkRefused(t, patched(24, 1), ErrTrailingBytes, b)
	fields := []int{0, 4, 8, 16, 24, a, a + 4, a + 5, a + 9, b, b + 4, b + 5, b + 9, len(good)}
	for i := range len(fields) - 1 {
		for cut := fields[i]; cut < fields[i+1]; cut++ {
			checkRefused(t, good[:cut], ErrTruncated, fields[i])
		}
	}
}

func TestKeyOrderDoesNotDependOnHistory(t *testing.T) {
	sorted := []string{"\x00", "\x00\x00", "a", "a\x00", "aa", "ab", "b", "\x7f", "\x7f\xff", "\x80", "\xc3\xa9", "\xff", "\xff\x00"}
	for offset := range sorted {
		c := newCluster(t, 1)
		for i := range sorted {
			propose(t, c, Put(sorted[(i*5+offset)%len(sorted)], ""))
		}
		var keys []string
		for key := range c.replicas[0].All() {
			keys = append(keys, key)
		}
		equal(t, "keys", keys, sorted)
		checkAccepted(t, c.replicas[0].DumpState())
	}
}

func TestLoadErrorText(t *testing.T) {
	equal(t, "text", (&LoadError{Code: ErrBadTerm, Offset: 16}).Error(), "bad-term offset=16")
}
