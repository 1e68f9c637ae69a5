package dkv20

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// slotsMin is the size of the smallest table. At most three quarters of the slots
// are full, so that probe sequences are short. A larger table has at most sixteen
// slots for each key.
const slotsMin = 16

// keyTable maps keys to values. It is a hash table of the Puts in force, whose
// bytes it shares with the log. Keys are sorted only when the table is walked, so
// the cost of put and remove does not depend on the number of keys. The zero
// value is an empty table.
type keyTable struct {
	// slots are probed linearly. Their number is a power of two. An empty slot is a
	// NoOp, and there is always at least one. No empty slot lies between the slot
	// that a key's hash selects and the slot that holds the key.
	slots []Op
	keys  int // number of full slots
	bytes int // total length of the snapshot entries
}

// size returns the number of keys.
func (t *keyTable) size() int { return t.keys }

// wrap returns the position of the slot at i, counted around the table.
func (t *keyTable) wrap(i uint32) uint32 { return i & uint32(len(t.slots)-1) }

// find returns the position of the slot that holds op's key, or of the empty slot
// that ends the probe sequence.
func (t *keyTable) find(op *Op) uint32 {
	for i := t.wrap(op.hash); ; i = t.wrap(i + 1) {
		slot := &t.slots[i]
		if slot.isNoOp() || slot.hash == op.hash && slot.hasKeyOf(op) {
			return i
		}
	}
}

// touch loads the slot at which the probe for op's key starts, so that it is in
// the cache. The caller uses the result only to keep the load.
func (t *keyTable) touch(op *Op) uint32 {
	if len(t.slots) == 0 {
		return 0
	}
	return t.slots[t.wrap(op.hash)].hash
}

func (t *keyTable) get(key string) (value string, ok bool) {
	if len(t.slots) == 0 {
		return "", false
	}
	del := makeDel(key)
	slot := &t.slots[t.find(&del)]
	if slot.isNoOp() {
		return "", false
	}
	return slot.value(), true
}

// put applies a Put.
func (t *keyTable) put(op *Op) {
	if (t.keys+1)*4 > len(t.slots)*3 {
		// Growing by four halves the number of times that keys are moved.
		t.resize(max(slotsMin, 4*len(t.slots)))
	}
	t.bytes += len(op.snapshotEntry())
	slot := &t.slots[t.find(op)]
	if slot.isNoOp() {
		t.keys++
	} else {
		t.bytes -= len(slot.snapshotEntry())
	}
	*slot = *op
}

// remove applies a Del.
func (t *keyTable) remove(op *Op) {
	if len(t.slots) == 0 {
		return
	}
	i := t.find(op)
	if t.slots[i].isNoOp() {
		return
	}
	t.bytes -= len(t.slots[i].snapshotEntry())
	t.keys--
	t.vacate(i)
	if size := len(t.slots); size > slotsMin && t.keys*16 < size {
		t.resize(max(slotsMin, size/8))
	}
}

// vacate empties the slot at hole. A key further on whose probe sequence contains
// the hole moves into it, and leaves a hole in turn.
func (t *keyTable) vacate(hole uint32) {
	for i := t.wrap(hole + 1); !t.slots[i].isNoOp(); i = t.wrap(i + 1) {
		displacement := t.wrap(i - t.slots[i].hash)
		if displacement >= t.wrap(i-hole) {
			t.slots[hole] = t.slots[i]
			hole = i
		}
	}
	t.slots[hole] = Op{}
}

func (t *keyTable) resize(size int) {
	old := t.slots
	t.slots = make([]Op, size)
	for i := range old {
		if op := &old[i]; !op.isNoOp() {
			t.slots[t.find(op)] = *op
		}
	}
}

func (t *keyTable) clone() keyTable {
	return keyTable{slots: slices.Clone(t.slots), keys: t.keys, bytes: t.bytes}
}

// all yields the keys and values, keys ascending.
func (t *keyTable) all(yield func(key, value string) bool) {
	t.puts(func(op *Op) bool { return yield(op.key(), op.value()) })
}

// puts yields the Puts in force, keys ascending.
func (t *keyTable) puts(yield func(op *Op) bool) {
	for block := range slices.Chunk(t.sorted(), touchedKeys) {
		t.touchAll(block)
		for _, k := range block {
			if !yield(&t.slots[k.slot]) {
				return
			}
		}
	}
}

// touchedKeys is the number of Puts that are loaded together.
const touchedKeys = 64

// touchAll loads the encoding of each Put, so that their cache misses overlap.
// (Without it a dump of 1,000,000 keys takes 1.8 times as long; see BenchmarkDump.)
// The caller drops the sum, so the function must not be inlined.
//
//go:noinline
func (t *keyTable) touchAll(block []sortKey) (sum byte) {
	for _, k := range block {
		sum += t.slots[k.slot].encoding[0]
	}
	return sum
}

// sortKey is a piece of a key as big-endian numbers, and the slot that holds the
// key. Pieces at the same offset of two keys compare as the bytes there do; they
// are equal only if both keys end with them or both go on.
type sortKey struct {
	head uint64 // the first eight bytes
	tail uint32 // the other bytes
	slot uint32
}

const tailBytes = len(keyPiece{}) - 8

func newSortKey(piece keyPiece, slot uint32) sortKey {
	var tail [4]byte
	copy(tail[4-tailBytes:], piece[8:])
	return sortKey{
		head: binary.BigEndian.Uint64(piece[:8]),
		tail: binary.BigEndian.Uint32(tail[:]),
		slot: slot,
	}
}

func (k *sortKey) hasPieceOf(other *sortKey) bool {
	return k.head == other.head && k.tail == other.tail
}

// byteAt returns a byte of the piece, counted from the last.
func (k *sortKey) byteAt(i int) byte {
	if i < tailBytes {
		return byte(k.tail >> (8 * i))
	}
	return byte(k.head >> (8 * (i - tailBytes)))
}

// sorted returns a sort key for each full slot, in ascending order of the keys.
func (t *keyTable) sorted() []sortKey {
	order := make([]sortKey, 0, t.size())
	for i := range t.slots {
		if op := &t.slots[i]; !op.isNoOp() {
			order = append(order, newSortKey(op.piece, uint32(i)))
		}
	}
	t.sort(order, make([]sortKey, len(order)), 0)
	return order
}

// radixMin is the number of keys from which a radix sort is faster.
const radixMin = 256

// sort sorts keys that have the same bytes before offset, by their pieces at
// offset, then by those that follow. It uses room, which is at least as long.
func (t *keyTable) sort(order, room []sortKey, offset int) {
	if len(order) < radixMin {
		slices.SortFunc(order, t.compare)
		return
	}
	sortByPiece(order, room)
	offset += pieceLength
	for start, end := 0, 0; start < len(order); start = end {
		for end = start + 1; end < len(order) && order[end].hasPieceOf(&order[start]); end++ {
		}
		if same := order[start:end]; len(same) > 1 {
			for i, k := range same {
				same[i] = newSortKey(pieceOf(t.slots[k.slot].key()[offset:]), k.slot)
			}
			t.sort(same, room, offset)
		}
	}
}

// compare compares two keys whose pieces are at the same offset.
func (t *keyTable) compare(a, b sortKey) int {
	switch {
	case a.head != b.head:
		return cmp.Compare(a.head, b.head)
	case a.tail != b.tail:
		return cmp.Compare(a.tail, b.tail)
	default:
		return strings.Compare(t.slots[a.slot].key(), t.slots[b.slot].key())
	}
}

// sortByPiece is a radix sort from the last byte of the pieces to the first. It
// skips the bytes in which all pieces agree.
func sortByPiece(order, room []sortKey) {
	first, differ := order[0], sortKey{}
	for _, k := range order {
		differ.head |= k.head ^ first.head
		differ.tail |= k.tail ^ first.tail
	}
	from, to := order, room[:len(order)]
	for b := range len(keyPiece{}) {
		if differ.byteAt(b) == 0 {
			continue
		}
		var starts [256]int
		for i := range from {
			starts[from[i].byteAt(b)]++
		}
		sum := 0
		for value, count := range starts {
			starts[value] = sum
			sum += count
		}
		for _, k := range from {
			at := &starts[k.byteAt(b)]
			to[*at] = k
			*at++
		}
		from, to = to, from
	}
	if &from[0] != &order[0] {
		copy(order, from)
	}
}
