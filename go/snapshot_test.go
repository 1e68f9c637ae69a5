package dkv20

import (
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

func TestLoadStateFindsEveryCut(t *testing.T) {
	c := newCluster(t, 1)
	propose(t, c, Put("a", "1"))
	propose(t, c, Put("b", strings.Repeat("v", 1_000)))
	good := c.replicas[0].DumpState()
	checkAccepted(t, good)
	fields := []int{0, 4, 8, 16, 24, 32, 36, 37, 41, 42, 46, 47, 51, len(good)}
	for i := range len(fields) - 1 {
		for cut := fields[i]; cut < fields[i+1]; cut++ {
			checkRefused(t, good[:cut], ErrTruncated, fields[i])
		}
	}
	checkRefused(t, append(good, 0), ErrTrailingBytes, len(good))
	good[31] = 1 // the highest byte of the number of keys
	checkRefused(t, good, ErrBadCount, 24)
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
