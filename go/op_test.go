package dkv20

import (
	"strings"
	"testing"
)

func TestOpEncoding(t *testing.T) {
	for want, op := range map[string]Op{
		"\x00":                                  NoOp(),
		"\x01\x01\x00\x00\x00a\x00\x00\x00\x00": Put("a", ""),
		"\x01\x02\x00\x00\x00\x00\xff\x01\x00\x00\x00\x80": Put("\x00\xff", "\x80"),
		"\x02\x03\x00\x00\x00abc":                          Del("abc"),
	} {
		equal(t, "encoding", string(op.Encode([]byte("x"))), "x"+want)
	}
	equal(t, "u32", string(putU32LE(nil, 0x0102_0304)), "\x04\x03\x02\x01")
	equal(t, "u64", string(putU64LE(nil, 0x0102_0304_0506_0708)), "\x08\x07\x06\x05\x04\x03\x02\x01")
}

func TestOpLimitsAreInclusive(t *testing.T) {
	key, value := strings.Repeat("k", KeyLengthMax), strings.Repeat("v", ValueLengthMax)
	for _, op := range []Op{NoOp(), Put("k", ""), Put(key, value), Del("k"), Del(key)} {
		must(t, op.CheckLimits())
	}
	for _, op := range []Op{Put("", value+"v"), Put(key+"k", ""), Del(""), Del(key + "k")} {
		wantError(t, op.CheckLimits(), ErrKeyLength)
	}
	wantError(t, Put("k", value+"v").CheckLimits(), ErrValueLength)
	c := newCluster(t, 3)
	propose(t, c, Put(key, value))
	propose(t, c, Del(key))
	checkIdentical(t, c)
}
