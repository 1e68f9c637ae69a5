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
	slots []slot   // as many as a power of two, at least one of them empty
	puts  []Op     // in no order; a NoOp where a key was deleted
	free  []uint32 // where in puts there is a NoOp
	bytes int      // what all entries take in a snapshot
}

// slot tells where the Put of a key stands. The search for a key goes from the
// slot that its hash names, past full ones, to its own or the first empty one.
type slot struct {
	hash uint32
	put  uint32 // one more than the position in puts; 0 in an empty slot
}

// count gives the number of keys.
func (m *orderedMap) count() int { return len(m.puts) - len(m.free) }

// find gives the position of a key's slot, or of the empty one where its search
// ends.
func (m *orderedMap) find(key string, hash uint32) uint32 {
	for i := m.wrap(hash); ; i = m.wrap(i + 1) {
		s := m.slots[i]
		if s.put == 0 || s.hash == hash && m.puts[s.put-1].key() == key {
			return i
		}
	}
}

// wrap gives the slot that stands for a number beyond the last one.
func (m *orderedMap) wrap(i uint32) uint32 { return i & uint32(len(m.slots)-1) }

// get gives the value of key.
func (m *orderedMap) get(key string) (value string, present bool) {
	if len(m.slots) == 0 {
		return "", false
	}
	s := m.slots[m.find(key, hashOf(key))]
	if s.put == 0 {
		return "", false
	}
	return m.puts[s.put-1].value(), true
}

// set makes a Put take effect.
func (m *orderedMap) set(op *Op) {
	if (m.count()+1)*4 > len(m.slots)*3 {
		m.grow()
	}
	m.bytes += len(op.entry())
	s := &m.slots[m.find(op.key(), op.hash)]
	if s.put == 0 {
		*s = slot{op.hash, m.place()}
	} else {
		m.bytes -= len(m.puts[s.put-1].entry())
	}
	m.puts[s.put-1] = *op
}

// place gives room for a Put, as a slot tells it.
func (m *orderedMap) place() uint32 {
	if last := len(m.free) - 1; last >= 0 {
		at := m.free[last]
		m.free = m.free[:last]
		return at + 1
	}
	m.puts = append(m.puts, Op{})
	return uint32(len(m.puts))
}

// delete makes the key of a Del absent.
func (m *orderedMap) delete(op *Op) {
	if len(m.slots) == 0 {
		return
	}
	i := m.find(op.key(), op.hash)
	if m.slots[i].put == 0 {
		return
	}
	at := m.slots[i].put - 1
	m.bytes -= len(m.puts[at].entry())
	m.puts[at] = Op{}
	m.free = append(m.free, at)
	m.vacate(i)
	if len(m.slots) > slotsMin && m.count()*16 < len(m.slots) {
		m.shrink()
	}
}

// vacate empties a slot. Where the search for a key further on would end there,
// that key moves up, and its slot is vacated in turn.
func (m *orderedMap) vacate(hole uint32) {
	for i := m.wrap(hole + 1); m.slots[i].put != 0; i = m.wrap(i + 1) {
		if m.wrap(i-m.slots[i].hash) >= m.wrap(i-hole) {
			m.slots[hole] = m.slots[i]
			hole = i
		}
	}
	m.slots[hole] = slot{}
}

// grow doubles the table.
func (m *orderedMap) grow() {
	old := m.slots
	m.slots = make([]slot, max(slotsMin, 2*len(old)))
	for _, s := range old {
		if s.put != 0 {
			i := m.wrap(s.hash)
			for m.slots[i].put != 0 {
				i = m.wrap(i + 1)
			}
			m.slots[i] = s
		}
	}
}

// shrink makes a table that is as small as its keys allow.
func (m *orderedMap) shrink() {
	var small orderedMap
	for i := range m.puts {
		if m.puts[i].tag() == tagPut {
			small.set(&m.puts[i])
		}
	}
	*m = small
}

// clone gives a map of its own with the same Puts.
func (m *orderedMap) clone() orderedMap {
	return orderedMap{slices.Clone(m.slots), slices.Clone(m.puts), slices.Clone(m.free), m.bytes}
}

// ascending calls yield with each Put in ascending order of the keys until it
// answers false.
func (m *orderedMap) ascending(yield func(*Op) bool) {
	for block := range slices.Chunk(m.sorted(), blockKeys) {
		m.touch(block)
		for _, k := range block {
			if !yield(&m.puts[k.put]) {
				return
			}
		}
	}
}

// blockKeys is how many Puts are brought into the cache together.
const blockKeys = 64

// touch reads a byte of each Put. In the order of their keys they are anywhere
// in memory, and reads that do not wait for each other are made at once.
//
//go:noinline
func (m *orderedMap) touch(block []keyed) (sum byte) {
	for _, k := range block {
		sum += m.puts[k.put].encoding[0]
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

// keyed is the position of a Put in puts, with the head of its key: the first
// eight bytes after those that all keys have in common, as a big-endian number.
// Heads compare as their keys do, unless they are equal.
type keyed struct {
	head uint64
	put  uint32
}

// sorted gives all Puts in ascending order of their keys.
func (m *orderedMap) sorted() []keyed {
	common := m.commonPrefix()
	order := make([]keyed, 0, m.count())
	for i := range m.puts {
		if put := &m.puts[i]; put.tag() == tagPut {
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
		return strings.Compare(m.puts[a.put].key(), m.puts[b.put].key())
	})
	return order
}

// commonPrefix gives the length of what all keys begin with.
func (m *orderedMap) commonPrefix() int {
	prefix, first := "", true
	for i := range m.puts {
		put := &m.puts[i]
		switch {
		case put.tag() == tagNoOp:
		case first:
			prefix, first = put.key(), false
		default:
			for !strings.HasPrefix(put.key(), prefix) {
				prefix = prefix[:len(prefix)-1]
			}
		}
	}
	return len(prefix)
}

// headOf gives the first eight bytes of s, zeros after its end.
func headOf(s string) (head uint64) {
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
