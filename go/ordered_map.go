package dkv20

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sort"
)

// Sizes of the tree. A leaf splits beyond either of its two limits, a branch
// beyond its one; what shrinks below a quarter of them looks for a neighbour to
// merge with. Values above valueInlineMax bytes are kept outside the leaf, as
// the string that the log entry holds too, so that replicas share their bytes.
const (
	leafBytesMax    = 1024
	leafKeysMax     = 48
	branchMax       = 512
	valueInlineMax  = 256
	leafBytesSlack  = 256
	lengthFieldSize = 4
)

// orderedMap maps keys of one byte or more to values, in ascending order of
// their unsigned bytes. It is a B+ tree whose leaves hold their entries packed
// in the layout of a snapshot (definition, section 5), so that a dump is a copy
// of the leaves one after the other. The zero value is an empty map.
type orderedMap struct {
	root  *node
	count int // keys
	bytes int // what all entries take in a snapshot
	// near is where set and delete begin to look. Maps that are given the same
	// keys in turn have one in common: what the first has searched for, the
	// others find there at once.
	near *trail
}

// trail is where a key was found last, level by level from the root. It is a
// guess that is always checked: a wrong one costs time and nothing else.
type trail [16]int

// at gives the guess for a level. (No tree is as deep as the trail is long.)
func (t *trail) at(level int) *int { return &t[level%len(t)] }

// head is the first 16 bytes of a key, zero-padded, as two big-endian words:
// heads compare as their keys do, except that keys may differ where their heads
// are equal. A search among integers that lie side by side, without a branch to
// mispredict, is what makes the tree as fast as a hash table.
type head struct{ high, low uint64 }

// node is a leaf where children is nil, else a branch.
//
// In a branch, keys[i] is a lower bound of all keys below children[i] and above
// all below children[i-1]; keys[0] is empty and stands below every key.
type node struct {
	heads    []head
	children []*node  // branch
	data     []byte   // leaf: the entries; a large value is left out, its length is not
	starts   []uint16 // leaf: where in data each entry begins
	large    []string // leaf: the values left out of data, in key order
	keys     []string // branch
}

func headOf(key string) head {
	n := len(key)
	switch {
	case n >= 16:
		return head{bigEndian(key), bigEndian(key[8:])}
	case n >= 8:
		// The shift drops the bytes that the high word has already.
		return head{bigEndian(key), bigEndian(key[n-8:]) << (8 * (16 - n))}
	}
	var high uint64
	for i := range n {
		high |= uint64(key[i]) << (56 - 8*i)
	}
	return head{high: high}
}

// bigEndian reads the first eight bytes of s.
func bigEndian(s string) uint64 {
	_ = s[7]
	return uint64(s[7]) | uint64(s[6])<<8 | uint64(s[5])<<16 | uint64(s[4])<<24 |
		uint64(s[3])<<32 | uint64(s[2])<<40 | uint64(s[1])<<48 | uint64(s[0])<<56
}

// less tells, as 1 or 0, whether h is below other.
func (h head) less(other head) int {
	_, borrow := bits.Sub64(h.low, other.low, 0)
	_, borrow = bits.Sub64(h.high, other.high, borrow)
	return int(borrow)
}

// find gives the position of the first key that is not below key, and whether
// it is that key. It looks at guess first, and leaves there what it has found.
func (n *node) find(key string, h head, guess *int) (int, bool) {
	i := *guess
	if !n.isBound(i, h) {
		i = n.search(h)
		*guess = i
	}
	for ; i < len(n.heads) && n.heads[i] == h; i++ {
		if reached, same := n.reaches(i, key); reached {
			return i, same
		}
	}
	return i, false
}

// isBound tells whether i is the position of the first head that is not below h.
func (n *node) isBound(i int, h head) bool {
	return i <= len(n.heads) &&
		(i == 0 || n.heads[i-1].less(h) == 1) &&
		(i == len(n.heads) || n.heads[i].less(h) == 0)
}

// search gives the position of the first head that is not below h.
func (n *node) search(h head) int {
	i := 0
	for size := len(n.heads); size > 0; {
		half := (size + 1) / 2
		i += half & -n.heads[i+half-1].less(h)
		size -= half
	}
	return i
}

// reaches tells whether the key at i is key or above it, and whether it is key.
func (n *node) reaches(i int, key string) (reached, same bool) {
	if n.isLeaf() {
		at := n.keyAt(i)
		return string(at) >= key, string(at) == key
	}
	return n.keys[i] >= key, n.keys[i] == key
}

func (n *node) isLeaf() bool { return n.children == nil }

// childFor gives the position of the only child that may hold key.
func (n *node) childFor(key string, h head, guess *int) int {
	i, same := n.find(key, h, guess)
	if same {
		return i
	}
	return i - 1 // never below 0: keys[0] is below every key
}

// keyAt gives a view of a leaf's key, valid until the leaf changes.
func (n *node) keyAt(i int) []byte {
	entry := n.data[n.starts[i]:]
	return entry[lengthFieldSize : lengthFieldSize+binary.LittleEndian.Uint32(entry)]
}

// valueAt gives the length of a leaf's value and where in data it begins, if it
// is small enough to stand there.
func (n *node) valueAt(i int) (length, start int) {
	at := int(n.starts[i])
	at += lengthFieldSize + int(binary.LittleEndian.Uint32(n.data[at:]))
	return int(binary.LittleEndian.Uint32(n.data[at:])), at + lengthFieldSize
}

// end gives where in data the entry at i ends.
func (n *node) end(i int) int {
	if i+1 < len(n.starts) {
		return int(n.starts[i+1])
	}
	return len(n.data)
}

// largeBefore counts the large values of the entries before i.
func (n *node) largeBefore(i int) int {
	if len(n.large) == 0 {
		return 0
	}
	count := 0
	for j := range i {
		if length, _ := n.valueAt(j); length > valueInlineMax {
			count++
		}
	}
	return count
}

// value gives the value at i.
func (n *node) value(i int) string {
	length, start := n.valueAt(i)
	if length > valueInlineMax {
		return n.large[n.largeBefore(i)]
	}
	return string(n.data[start : start+length])
}

// get gives the value of key.
func (m *orderedMap) get(key string) (string, bool) {
	if m.root == nil {
		return "", false
	}
	h := headOf(key)
	n := m.root
	guess := 0 // near is not touched, so that readers do not disturb each other
	for !n.isLeaf() {
		n = n.children[n.childFor(key, h, &guess)]
	}
	if i, same := n.find(key, h, &guess); same {
		return n.value(i), true
	}
	return "", false
}

// all calls yield with each entry in ascending order until it answers false.
func (m *orderedMap) all(yield func(key, value string) bool) {
	m.leaves(func(leaf *node) bool {
		for i := range leaf.heads {
			if !yield(string(leaf.keyAt(i)), leaf.value(i)) {
				return false
			}
		}
		return true
	})
}

// leaves calls yield with each leaf in ascending order until it answers false.
func (m *orderedMap) leaves(yield func(*node) bool) {
	if m.root != nil {
		m.root.leaves(yield)
	}
}

func (n *node) leaves(yield func(*node) bool) bool {
	if n.isLeaf() {
		return yield(n)
	}
	for _, child := range n.children {
		if !child.leaves(yield) {
			return false
		}
	}
	return true
}

// appendTo appends all entries, each as u32 key length, key, u32 value length,
// value.
func (m *orderedMap) appendTo(out []byte) []byte {
	for leaf := range m.leaves {
		leaf.pieces(func(b []byte) { out = append(out, b...) }, func(s string) { out = append(out, s...) })
	}
	return out
}

// pieces hands out the bytes of a leaf's entries in order: those in data, and
// between them the large values.
func (n *node) pieces(packed func([]byte), large func(string)) {
	from := 0
	for i, next := 0, 0; next < len(n.large); i++ {
		if length, start := n.valueAt(i); length > valueInlineMax {
			packed(n.data[from:start])
			large(n.large[next])
			from, next = start, next+1
		}
	}
	packed(n.data[from:])
}

// clone gives a map of its own with the same entries. Only the bytes of large
// values are shared.
func (m *orderedMap) clone() orderedMap {
	c := *m
	if m.root != nil {
		c.root = m.root.clone()
	}
	return c
}

func (n *node) clone() *node {
	if n.isLeaf() {
		c := newLeaf()
		c.take(n, 0)
		return c
	}
	c := newBranch()
	c.heads = append(c.heads, n.heads...)
	c.keys = append(c.keys, n.keys...)
	for _, child := range n.children {
		c.children = append(c.children, child.clone())
	}
	return c
}

func newLeaf() *node {
	return &node{
		heads:  make([]head, 0, leafKeysMax+1),
		data:   make([]byte, 0, leafBytesMax+leafBytesSlack),
		starts: make([]uint16, 0, leafKeysMax+1),
	}
}

func newBranch() *node {
	return &node{
		heads:    make([]head, 0, branchMax+1),
		children: make([]*node, 0, branchMax+1),
		keys:     make([]string, 0, branchMax+1),
	}
}

// set maps key, which is not empty, to value.
func (m *orderedMap) set(key, value string) {
	if m.root == nil {
		m.root = newLeaf()
	}
	if m.near == nil {
		m.near = new(trail)
	}
	h := headOf(key)
	if right, bound := m.setBelow(m.root, 0, key, value, h); right != nil {
		root := newBranch()
		root.insertChild(0, "", m.root)
		root.insertChild(1, bound, right)
		m.root = root
	}
}

// setBelow maps key to value below n, which stands at level. Where n had to split, it gives the new node to
// its right and that node's lower bound.
func (m *orderedMap) setBelow(n *node, level int, key, value string, h head) (right *node, bound string) {
	if n.isLeaf() {
		return m.setInLeaf(n, level, key, value, h)
	}
	i := n.childFor(key, h, m.near.at(level))
	if right, bound = m.setBelow(n.children[i], level+1, key, value, h); right == nil {
		return nil, ""
	}
	n.insertChild(i+1, bound, right)
	if len(n.children) <= branchMax {
		return nil, ""
	}
	if i+1 == len(n.children)-1 {
		return n.splitBranch(i + 1) // keys seem to arrive in ascending order
	}
	return n.splitBranch(len(n.children) / 2)
}

func (m *orderedMap) setInLeaf(n *node, level int, key, value string, h head) (right *node, bound string) {
	i, same := n.find(key, h, m.near.at(level))
	if same {
		length, start := n.valueAt(i)
		m.bytes += len(value) - length
		if length == len(value) && length <= valueInlineMax {
			copy(n.data[start:], value)
			return nil, ""
		}
		n.cut(i)
	} else {
		m.count++
		m.bytes += 2*lengthFieldSize + len(key) + len(value)
	}
	n.insert(i, key, value, h)
	if len(n.heads) <= leafKeysMax && (len(n.data) <= leafBytesMax || len(n.heads) == 1) {
		return nil, ""
	}
	return n.splitLeaf(n.middle(i))
}

// middle gives where to split a leaf after an insertion at i: where half of its
// bytes stand before, but at the end where keys seem to arrive in ascending
// order. No part becomes longer than two of the longest entries.
func (n *node) middle(i int) int {
	if i == len(n.starts)-1 {
		return i
	}
	half := sort.Search(len(n.starts), func(j int) bool { return int(n.starts[j]) >= len(n.data)/2 })
	return min(max(half, 1), len(n.starts)-1)
}

// insert puts an entry at i of a leaf.
func (n *node) insert(i int, key, value string, h head) {
	start := len(n.data)
	if i < len(n.starts) {
		start = int(n.starts[i])
	}
	inline := value
	if len(value) > valueInlineMax {
		n.large = slices.Insert(n.large, n.largeBefore(i), value)
		inline = ""
	}
	n.heads = slices.Insert(n.heads, i, h)
	n.starts = slices.Insert(n.starts, i, uint16(start))
	gap := n.open(i, 2*lengthFieldSize+len(key)+len(inline))
	binary.LittleEndian.PutUint32(gap, uint32(len(key)))
	gap = gap[lengthFieldSize+copy(gap[lengthFieldSize:], key):]
	binary.LittleEndian.PutUint32(gap, uint32(len(value)))
	copy(gap[lengthFieldSize:], inline)
}

// open makes room for size bytes in data where the entry at i begins, and moves
// what stands after it.
func (n *node) open(i, size int) []byte {
	start, end := int(n.starts[i]), len(n.data)
	n.data = slices.Grow(n.data, size)[:end+size]
	copy(n.data[start+size:], n.data[start:end])
	for j := i + 1; j < len(n.starts); j++ {
		n.starts[j] += uint16(size)
	}
	return n.data[start : start+size]
}

// cut takes the entry at i out of a leaf.
func (n *node) cut(i int) {
	if length, _ := n.valueAt(i); length > valueInlineMax {
		at := n.largeBefore(i)
		n.large = slices.Delete(n.large, at, at+1)
	}
	start, end := int(n.starts[i]), n.end(i)
	n.data = append(n.data[:start], n.data[end:]...)
	n.heads = slices.Delete(n.heads, i, i+1)
	n.starts = slices.Delete(n.starts, i, i+1)
	for j := i; j < len(n.starts); j++ {
		n.starts[j] -= uint16(end - start)
	}
}

// take appends to a leaf the entries of another from i on.
func (n *node) take(from *node, i int) {
	start := int(from.starts[i])
	for _, s := range from.starts[i:] {
		n.starts = append(n.starts, uint16(len(n.data)+int(s)-start))
	}
	n.large = append(n.large, from.large[from.largeBefore(i):]...)
	n.heads = append(n.heads, from.heads[i:]...)
	n.data = append(n.data, from.data[start:]...)
}

// splitLeaf moves the entries from i on to a new leaf.
func (n *node) splitLeaf(i int) (right *node, bound string) {
	right = newLeaf()
	right.take(n, i)
	large := n.largeBefore(i)
	clear(n.large[large:])
	n.large = n.large[:large]
	n.data = n.data[:n.starts[i]]
	n.heads, n.starts = n.heads[:i], n.starts[:i]
	return right, string(right.keyAt(0))
}

// splitBranch moves the children from i on to a new branch.
func (n *node) splitBranch(i int) (right *node, bound string) {
	right = newBranch()
	bound = n.keys[i]
	right.takeChildren(n, i, "")
	clear(n.keys[i:])
	clear(n.children[i:])
	n.heads, n.keys, n.children = n.heads[:i], n.keys[:i], n.children[:i]
	return right, bound
}

// takeChildren appends to a branch the children of another from i on, with
// bound as the key of the first.
func (n *node) takeChildren(from *node, i int, bound string) {
	first := len(n.keys)
	n.heads = append(n.heads, from.heads[i:]...)
	n.keys = append(n.keys, from.keys[i:]...)
	n.children = append(n.children, from.children[i:]...)
	n.heads[first], n.keys[first] = headOf(bound), bound
}

func (n *node) insertChild(i int, bound string, child *node) {
	n.heads = slices.Insert(n.heads, i, headOf(bound))
	n.keys = slices.Insert(n.keys, i, bound)
	n.children = slices.Insert(n.children, i, child)
}

// delete makes key absent.
func (m *orderedMap) delete(key string) {
	if m.root == nil {
		return
	}
	m.deleteBelow(m.root, 0, key, headOf(key))
	switch {
	case m.count == 0:
		m.root = nil
	case len(m.root.children) == 1:
		m.root = m.root.children[0]
	}
}

// deleteBelow makes key absent below n, which stands at level, and tells whether
// it was there.
func (m *orderedMap) deleteBelow(n *node, level int, key string, h head) bool {
	if n.isLeaf() {
		i, same := n.find(key, h, m.near.at(level))
		if !same {
			return false
		}
		length, _ := n.valueAt(i)
		m.count--
		m.bytes -= 2*lengthFieldSize + len(key) + length
		n.cut(i)
		return true
	}
	i := n.childFor(key, h, m.near.at(level))
	present := m.deleteBelow(n.children[i], level+1, key, h)
	if present && n.children[i].fill() < fillMax/4 {
		n.mergeChild(i)
	}
	return present
}

// fillMax is the fill of a node that the next insertion may split.
const fillMax = 1024

// fill tells how full a node is; only what is empty has 0.
func (n *node) fill() int {
	if n.isLeaf() {
		return max(len(n.data)*fillMax/leafBytesMax, len(n.heads)*fillMax/leafKeysMax)
	}
	return len(n.children) * fillMax / branchMax
}

// mergeChild merges the child at i with a neighbour, where both together leave
// room for more to come. No empty child stays.
func (n *node) mergeChild(i int) {
	if n.children[i].fill() == 0 {
		n.removeChild(i)
		return
	}
	for _, left := range [2]int{i - 1, i} {
		if left < 0 || left+1 == len(n.children) {
			continue
		}
		a, b := n.children[left], n.children[left+1]
		if a.fill()+b.fill() > fillMax*3/4 {
			continue
		}
		if b.isLeaf() {
			a.take(b, 0)
		} else {
			a.takeChildren(b, 0, n.keys[left+1])
		}
		n.removeChild(left + 1)
		return
	}
}

func (n *node) removeChild(i int) {
	n.heads = slices.Delete(n.heads, i, i+1)
	n.keys = slices.Delete(n.keys, i, i+1)
	n.children = slices.Delete(n.children, i, i+1)
	if len(n.keys) > 0 {
		n.heads[0], n.keys[0] = head{}, ""
	}
}
