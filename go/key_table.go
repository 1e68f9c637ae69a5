package dkv20

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// slotsMin is the size of the smallest table. At most three slots of four are
// full, so that a search is short, and a larger table has at most sixteen slots
// for a key.
const slotsMin = 16

// orderedMap maps keys to values: a hash table of the Puts in force, whose bytes
// it shares with the log. Their order is made where it is asked for, so that a
// Put or a Del costs the same however many keys there are. The zero value is an
// empty map.
type orderedMap struct {
	// As many as a power of two, at least one of them empty, which is a NoOp. The
	// search for a key goes from the slot that its hash names, past full ones, to
	// its own or the first empty one.
	slots []Op
	keys  int // how many slots are full
	bytes int // what all entries take in a snapshot
}

// count gives the number of keys.
func (m *orderedMap) count() int { return m.keys }

// find gives the position of the slot of op's key, or of the empty one where the
// search ends.
func (m *orderedMap) find(op *Op) uint32 {
	for i := m.wrap(op.hash); ; i = m.wrap(i + 1) {
		s := &m.slots[i]
		if s.isNoOp() || s.hash == op.hash && s.hasKeyOf(op) {
			return i
		}
	}
}

// wrap gives the slot that stands for a number beyond the last one.
func (m *orderedMap) wrap(i uint32) uint32 { return i & uint32(len(m.slots)-1) }

// prefetch reads the slot where the search for op's key begins.
func (m *orderedMap) prefetch(op *Op) uint32 {
	if len(m.slots) == 0 {
		return 0
	}
	return m.slots[m.wrap(op.hash)].hash
}

// get gives the value of key.
func (m *orderedMap) get(key string) (value string, present bool) {
	if len(m.slots) == 0 {
		return "", false
	}
	del := makeDel(key)
	s := &m.slots[m.find(&del)]
	if s.isNoOp() {
		return "", false
	}
	return s.value(), true
}

// set makes a Put take effect.
func (m *orderedMap) set(op *Op) {
	if (m.keys+1)*4 > len(m.slots)*3 {
		// Not twice as large: what is new costs more than what it holds, as memory
		// that is used for the first time is slow.
		m.resize(max(slotsMin, 4*len(m.slots)))
	}
	m.bytes += len(op.entry())
	s := &m.slots[m.find(op)]
	if s.isNoOp() {
		m.keys++
	} else {
		m.bytes -= len(s.entry())
	}
	*s = *op
}

// delete makes the key of a Del absent.
func (m *orderedMap) delete(op *Op) {
	if len(m.slots) == 0 {
		return
	}
	i := m.find(op)
	if m.slots[i].isNoOp() {
		return
	}
	m.bytes -= len(m.slots[i].entry())
	m.keys--
	m.vacate(i)
	if size := len(m.slots); size > slotsMin && m.keys*16 < size {
		m.resize(max(slotsMin, size/8))
	}
}

// vacate empties a slot. Where the search for a key further on would end there,
// that key moves up, and its slot is vacated in turn.
func (m *orderedMap) vacate(hole uint32) {
	for i := m.wrap(hole + 1); !m.slots[i].isNoOp(); i = m.wrap(i + 1) {
		if m.wrap(i-m.slots[i].hash) >= m.wrap(i-hole) {
			m.slots[hole] = m.slots[i]
			hole = i
		}
	}
	m.slots[hole] = Op{}
}

// resize makes a table of that size.
func (m *orderedMap) resize(size int) {
	old := m.slots
	m.slots = make([]Op, size)
	for i := range old {
		if put := &old[i]; !put.isNoOp() {
			m.slots[m.find(put)] = *put
		}
	}
}

// clone gives a map of its own with the same Puts.
func (m *orderedMap) clone() orderedMap {
	return orderedMap{slices.Clone(m.slots), m.keys, m.bytes}
}

// ascending calls yield with each Put in ascending order of the keys until it
// answers false.
func (m *orderedMap) ascending(yield func(*Op) bool) {
	for block := range slices.Chunk(m.sorted(), blockKeys) {
		m.prefetchAll(block)
		for _, k := range block {
			if !yield(&m.slots[k.slot]) {
				return
			}
		}
	}
}

// blockKeys is how many Puts are brought into the cache together.
const blockKeys = 64

// prefetchAll reads a byte of each Put. In the order of their keys they are
// anywhere in memory, and reads that do not wait for each other are made at once.
//
//go:noinline
func (m *orderedMap) prefetchAll(block []keyed) (sum byte) {
	for _, k := range block {
		sum += m.slots[k.slot].encoding[0]
	}
	return sum
}

// all calls yield with each key and value in ascending order until it answers
// false.
func (m *orderedMap) all(yield func(key, value string) bool) {
	m.ascending(func(put *Op) bool { return yield(put.key(), put.value()) })
}

// appendTo appends all entries, each as u32 key length, key, u32 value length,
// value.
func (m *orderedMap) appendTo(out []byte) []byte {
	for put := range m.ascending {
		out = append(out, put.entry()...)
	}
	return out
}

// keyed is the position of a Put in slots, with a piece of its key: what an
// [inlineKey] holds of the key's bytes from some offset on, as big-endian numbers.
// The pieces of a short key and of a longer one, or of two short ones, compare as
// the keys do.
type keyed struct {
	head uint64 // eight bytes
	tail uint32 // two bytes, and how many there are; one more where more follow
	slot uint32
}

const (
	pieceBytes = len(inlineKey{}) // of head and tail
	tailBytes  = pieceBytes - 8
	pieceSize  = pieceBytes - 1
)

func keyedOf(piece inlineKey, slot uint32) keyed {
	var tail [4]byte
	copy(tail[4-tailBytes:], piece[8:])
	return keyed{binary.BigEndian.Uint64(piece[:8]), binary.BigEndian.Uint32(tail[:]), slot}
}

// pieceOf gives the piece that begins a part of a key.
func pieceOf(part string) (piece inlineKey) {
	copy(piece[:pieceSize], part)
	piece[pieceSize] = byte(min(len(part), pieceSize+1))
	return piece
}

// hasPieceOf tells whether two pieces are equal.
func (k *keyed) hasPieceOf(other *keyed) bool { return k.head == other.head && k.tail == other.tail }

// byteAt gives a byte of the piece, 0 being the last.
func (k *keyed) byteAt(i int) byte {
	if i < tailBytes {
		return byte(k.tail >> (8 * i))
	}
	return byte(k.head >> (8 * (i - tailBytes)))
}

// sorted gives all Puts in ascending order of their keys.
func (m *orderedMap) sorted() []keyed {
	order := make([]keyed, 0, m.count())
	for i := range m.slots {
		switch put := &m.slots[i]; {
		case put.isNoOp():
		case put.isInline():
			order = append(order, keyedOf(put.inline, uint32(i)))
		default:
			order = append(order, keyedOf(pieceOf(put.key()), uint32(i)))
		}
	}
	m.sort(order, make([]keyed, len(order)), 0)
	return order
}

// radixMin is how many keys make sorting by bytes worth it.
const radixMin = 256

// sort sorts what is equal before offset, by the pieces there, and in as much
// room. Where those are equal too it goes on with the pieces after them.
func (m *orderedMap) sort(order, room []keyed, offset int) {
	if len(order) < radixMin {
		slices.SortFunc(order, m.compare)
		return
	}
	sortByPiece(order, room)
	offset += pieceSize
	for start, end := 0, 0; start < len(order); start = end {
		for end = start + 1; end < len(order) && order[end].hasPieceOf(&order[start]); end++ {
		}
		if run := order[start:end]; len(run) > 1 {
			for i, k := range run {
				run[i] = keyedOf(pieceOf(m.slots[k.slot].key()[offset:]), k.slot)
			}
			m.sort(run, room, offset)
		}
	}
}

func (m *orderedMap) compare(a, b keyed) int {
	switch {
	case a.head != b.head:
		return cmp.Compare(a.head, b.head)
	case a.tail != b.tail:
		return cmp.Compare(a.tail, b.tail)
	default:
		return strings.Compare(m.slots[a.slot].key(), m.slots[b.slot].key())
	}
}

// sortByPiece sorts by one byte of the pieces after the other, the last byte
// first: a pass keeps the order of what is equal in its byte.
func sortByPiece(order, room []keyed) {
	first, differ := order[0], keyed{}
	for _, k := range order {
		differ.head |= k.head ^ first.head
		differ.tail |= k.tail ^ first.tail
	}
	from, to := order, room[:len(order)]
	for b := range pieceBytes {
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
