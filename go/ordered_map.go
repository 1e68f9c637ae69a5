package dkv20

import (
	"cmp"
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
		m.resize(max(slotsMin, 2*len(m.slots)))
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

// keyed is the position of a Put in slots, with the head of its key: the first
// eight bytes after those that all keys have in common, as a big-endian number.
// Heads compare as their keys do, unless they are equal.
type keyed struct {
	head uint64
	slot uint32
}

// sorted gives all Puts in ascending order of their keys.
func (m *orderedMap) sorted() []keyed {
	common := m.commonPrefix()
	order := make([]keyed, 0, m.count())
	for i := range m.slots {
		switch put := &m.slots[i]; {
		case put.isNoOp():
		case put.isInline():
			order = append(order, keyed{headOf(put.inlineBytes()[common:]), uint32(i)})
		default:
			order = append(order, keyed{headOf(put.key()[common:]), uint32(i)})
		}
	}
	if len(order) >= radixMin {
		order = sortByHead(order)
	}
	// What is in order already takes but one look at each.
	slices.SortFunc(order, func(a, b keyed) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return strings.Compare(m.slots[a.slot].key(), m.slots[b.slot].key())
	})
	return order
}

// commonPrefix gives the length of what all keys begin with.
func (m *orderedMap) commonPrefix() int {
	var prefix []byte
	for i, first := 0, true; i < len(m.slots); i++ {
		switch put := &m.slots[i]; {
		case put.isNoOp():
		case first:
			prefix, first = []byte(put.key()), false
		case put.isInline():
			prefix = prefix[:commonLength(put.inlineBytes(), prefix)]
		default:
			prefix = prefix[:commonLength(put.key(), prefix)]
		}
	}
	return len(prefix)
}

func commonLength[S string | []byte](key S, prefix []byte) (length int) {
	for length < min(len(key), len(prefix)) && key[length] == prefix[length] {
		length++
	}
	return length
}

// headOf gives the first eight bytes of s, zeros after its end.
func headOf[S string | []byte](s S) (head uint64) {
	for i := range min(len(s), headSize) {
		head |= uint64(s[i]) << (8 * (headSize - 1 - i))
	}
	return head
}

const headSize = 8

// radixMin is how many keys make sorting by their heads' bytes worth it.
const radixMin = 1024

// sortByHead sorts by one byte of the heads after the other, the last byte
// first: a pass that keeps the order of what is equal in its byte. It reuses
// what it is given.
func sortByHead(order []keyed) []keyed {
	other := make([]keyed, len(order))
	var counts [headSize][256]int
	for _, k := range order {
		for b := range counts {
			counts[b][byte(k.head>>(8*b))]++
		}
	}
	for b := range counts {
		shift, starts := 8*b, &counts[b]
		if starts[byte(order[0].head>>shift)] == len(order) {
			continue // all are equal in this byte
		}
		sum := 0
		for value, count := range starts {
			starts[value] = sum
			sum += count
		}
		for _, k := range order {
			at := &starts[byte(k.head>>shift)]
			other[*at] = k
			*at++
		}
		order, other = other, order
	}
	return order
}
