package dkv20

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// twin is a map under test beside a naive one.
type twin struct {
	t     *testing.T
	tree  orderedMap
	naive map[string]string
}

func (w *twin) set(key, value string) {
	w.tree.set(key, value)
	w.naive[key] = value
}

func (w *twin) delete(key string) {
	w.tree.delete(key)
	delete(w.naive, key)
}

// compare checks contents, order, sizes and the tree's own rules.
func (w *twin) compare() {
	w.t.Helper()
	var keys []string
	for key := range w.naive {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var packed []byte
	for _, key := range keys {
		value := w.naive[key]
		for _, s := range []string{key, value} {
			packed = append(binary.LittleEndian.AppendUint32(packed, uint32(len(s))), s...)
		}
		if actual, present := w.tree.get(key); !present || actual != value {
			w.t.Fatalf("%q maps to %q, %v, expected %q", key, actual, present, value)
		}
	}
	if out := w.tree.appendTo(nil); !bytes.Equal(out, packed) {
		w.t.Fatalf("packed as\n%x, expected\n%x", out, packed)
	}
	equal(w.t, "count", w.tree.count, len(keys))
	equal(w.t, "bytes", w.tree.bytes, len(packed))
	i := 0
	for key, value := range w.tree.all {
		if key != keys[i] || value != w.naive[key] {
			w.t.Fatalf("entry %d: %q maps to %q", i, key, value)
		}
		i++
	}
	if w.tree.root != nil {
		checkNode(w.t, w.tree.root, "", "")
	}
}

// checkNode checks a node's rules: its keys stand from low on and below high
// (where that is not empty), its fields match, and its leaves are equally deep.
func checkNode(t *testing.T, n *node, low, high string) (depth int) {
	t.Helper()
	if len(n.heads) == 0 {
		t.Fatal("an empty node")
	}
	if n.isLeaf() {
		const longest = 2*lengthFieldSize + KeyLengthMax + valueInlineMax
		if len(n.starts) != len(n.heads) || len(n.heads) > leafKeysMax || len(n.data) > 2*longest {
			t.Fatalf("a leaf of %d keys, %d starts, %d bytes", len(n.heads), len(n.starts), len(n.data))
		}
		for i, h := range n.heads {
			key := string(n.keyAt(i))
			if key < low || high != "" && key >= high || headOf(key) != h {
				t.Fatalf("%q stands between %q and %q with head %x", key, low, high, h)
			}
		}
		equal(t, "large values", n.largeBefore(len(n.heads)), len(n.large))
		return 0
	}
	if len(n.children) != len(n.keys) || len(n.heads) != len(n.keys) || len(n.children) > branchMax || n.keys[0] != "" {
		t.Fatalf("a branch of %d children, %d keys from %q", len(n.children), len(n.keys), n.keys[0])
	}
	for i, child := range n.children {
		bounds := [2]string{max(low, n.keys[i]), high}
		if i+1 < len(n.keys) {
			bounds[1] = n.keys[i+1]
		}
		equal(t, "head", n.heads[i], headOf(n.keys[i]))
		below := checkNode(t, child, bounds[0], bounds[1])
		if i > 0 && below+1 != depth {
			t.Fatal("leaves at different depths")
		}
		depth = below + 1
	}
	return depth
}

func TestOrderedMapAgainstNaiveTwin(t *testing.T) {
	kinds := map[string]func(r *rand.Rand) string{
		"numbered": func(r *rand.Rand) string { return fmt.Sprintf("key-%06d", r.IntN(2000)) },
		"short":    func(r *rand.Rand) string { return strings.Repeat("\x00", r.IntN(20)) + string(rune(r.IntN(4))) },
		"bytes": func(r *rand.Rand) string {
			return string([]byte{byte(r.Uint32()), byte(r.Uint32()), 0}[:1+r.IntN(3)])
		},
		"one head": func(r *rand.Rand) string { return fmt.Sprintf("a head of 16 bytes, then %d", r.IntN(500)) },
		"long":     func(r *rand.Rand) string { return strings.Repeat("k", 1+r.IntN(KeyLengthMax)) },
	}
	for name, key := range kinds {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			w := twin{t: t, naive: map[string]string{}}
			for phase := range 8 {
				for range 1500 {
					// Growing phases, then shrinking ones.
					if r.IntN(8) < 7-phase {
						w.set(key(r), strings.Repeat("v", []int{8, 8, 8, 0, 100, 256, 257, 1000}[r.IntN(8)]))
					} else {
						w.delete(key(r))
					}
				}
				w.compare()
			}
			for k := range w.naive {
				w.delete(k)
			}
			w.compare()
			if w.tree.root != nil {
				t.Error("an empty map keeps a node")
			}
		})
	}
}

func TestOrderedMapGrowsAndShrinksByLevels(t *testing.T) {
	orders := map[string]func(i, n int) int{
		"ascending":  func(i, n int) int { return i },
		"descending": func(i, n int) int { return n - 1 - i },
		"scattered":  func(i, n int) int { return i * 7919 % n },
	}
	const n = 30_000
	for name, at := range orders {
		t.Run(name, func(t *testing.T) {
			w := twin{t: t, naive: map[string]string{}}
			for i := range n {
				w.set(fmt.Sprintf("key-%06d", at(i, n)), "12345678")
			}
			w.compare()
			equal(t, "depth", checkNode(t, w.tree.root, "", ""), 2)
			for i := range n - 10 {
				w.delete(fmt.Sprintf("key-%06d", at(i, n)))
			}
			w.compare()
			equal(t, "depth", checkNode(t, w.tree.root, "", ""), 0)
		})
	}
}

func TestOrderedMapStaysCompactUnderDeletes(t *testing.T) {
	var m orderedMap
	for i := range 50_000 {
		m.set(fmt.Sprintf("key-%06d", i), "12345678")
	}
	for i := range 50_000 {
		if i%50 != 0 {
			m.delete(fmt.Sprintf("key-%06d", i))
		}
	}
	leaves := 0
	for range m.leaves {
		leaves++
	}
	if leaves > 200 {
		t.Errorf("%d leaves for %d keys", leaves, m.count)
	}
}

func TestOrderedMapClone(t *testing.T) {
	w := twin{t: t, naive: map[string]string{}}
	for i := range 20_000 {
		w.set(fmt.Sprintf("key-%06d", i*7919%20_000), strings.Repeat("v", i%300))
	}
	copied := w.tree.clone()
	other := twin{t: t, tree: copied, naive: map[string]string{}}
	for key, value := range w.naive {
		other.naive[key] = value
	}
	for i := range 20_000 {
		switch i % 3 {
		case 0:
			w.delete(fmt.Sprintf("key-%06d", i))
		case 1:
			w.set(fmt.Sprintf("key-%06d", i), "other")
		}
	}
	w.compare()
	other.compare()
}

func TestOrderedMapStopsWhereAsked(t *testing.T) {
	var m orderedMap
	for i := range 1000 {
		m.set(fmt.Sprintf("key-%06d", i), "")
	}
	seen := 0
	for range m.all {
		if seen++; seen == 200 {
			break
		}
	}
	equal(t, "seen", seen, 200)
}

func FuzzOrderedMap(f *testing.F) {
	f.Add([]byte("a1b2c3"), uint8(3))
	f.Add(bytes.Repeat([]byte{0, 1, 0x7f, 0x80, 255}, 100), uint8(17))
	f.Fuzz(func(t *testing.T, data []byte, width uint8) {
		w := twin{t: t, naive: map[string]string{}}
		for i := 0; i+1 < len(data); i++ {
			key := string(data[i:min(len(data), i+1+int(data[i]%max(width, 1)))])
			if data[i+1]%4 == 0 {
				w.delete(key)
			} else {
				w.set(key, strings.Repeat(key, int(data[i+1])))
			}
		}
		w.compare()
	})
}

// A branch with a single child that becomes empty, beside one that is full, and
// one that is emptied from its left end.
func TestOrderedMapDropsEmptyBranches(t *testing.T) {
	for _, from := range []int{0, 10_000, 20_000} {
		w := twin{t: t, naive: map[string]string{}}
		for i := range 30_000 {
			w.set(fmt.Sprintf("key-%06d", i), "12345678")
		}
		for i := range 10_000 {
			w.delete(fmt.Sprintf("key-%06d", from+i))
			if i%1000 == 999 {
				checkNode(t, w.tree.root, "", "")
			}
		}
		w.compare()
		for i := range 10_000 {
			w.set(fmt.Sprintf("key-%06d", from+i), "again")
		}
		w.compare()
	}
}
