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
	table orderedMap
	naive map[string]string
}

func (w *twin) set(key, value string) {
	put := Put(key, value)
	w.table.set(&put)
	w.naive[key] = value
}

func (w *twin) delete(key string) {
	del := Del(key)
	w.table.delete(&del)
	delete(w.naive, key)
}

// compare checks contents, order, sizes and the table's own rules.
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
		if actual, present := w.table.get(key); !present || actual != value {
			w.t.Fatalf("%q maps to %q, %v, expected %q", key, actual, present, value)
		}
	}
	if out := w.table.appendTo(nil); !bytes.Equal(out, packed) {
		w.t.Fatalf("packed as\n%x, expected\n%x", out, packed)
	}
	equal(w.t, "count", w.table.count(), len(keys))
	equal(w.t, "bytes", w.table.bytes, len(packed))
	i := 0
	for key, value := range w.table.all {
		if key != keys[i] || value != w.naive[key] {
			w.t.Fatalf("entry %d: %q maps to %q", i, key, value)
		}
		i++
	}
	checkTable(w.t, &w.table)
}

// checkTable checks a table's rules: as many full slots as keys, each found by
// the search for its key, and a size that suits them.
func checkTable(t *testing.T, m *orderedMap) {
	t.Helper()
	full := 0
	for i := range m.slots {
		put := &m.slots[i]
		if put.isNoOp() {
			continue
		}
		full++
		equal(t, "tag", put.tag, tagPut)
		equal(t, "slot", m.find(put), uint32(i))
	}
	equal(t, "full slots", full, m.count())
	if size := len(m.slots); full*4 > size*3 || size > slotsMin && full*16 < size {
		t.Fatalf("%d slots for %d keys", size, full)
	}
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
			equal(t, "slots", len(w.table.slots), slotsMin)
		})
	}
}

// Enough keys to be sorted by the bytes of their pieces.
func TestOrderedMapSortsManyKeys(t *testing.T) {
	kinds := map[string]func(i int) string{
		"numbers":       func(i int) string { return fmt.Sprintf("key-%06d", i) },
		"common prefix": func(i int) string { return fmt.Sprintf("a prefix of all keys %06d", i) },
		"first byte":    func(i int) string { return fmt.Sprintf("%c-key %06d", i%128, i) },
		"two pieces":    func(i int) string { return fmt.Sprintf("%cthe piece is over %06d", i%2, i) },
		"prefixes":      func(i int) string { return strings.Repeat("k", i+1) },
		"zeros":         func(i int) string { return fmt.Sprintf("%c%s", i%64, strings.Repeat("\x00", i/64)) },
		"one byte":      func(i int) string { return differingAt(i%40, i/40) },
	}
	const n = 6 * radixMin
	for name, key := range kinds {
		t.Run(name, func(t *testing.T) {
			w := twin{t: t, naive: map[string]string{}}
			for i := range n {
				w.set(key(i*7919%n), "12345678")
			}
			w.compare()
			for i := range n - radixMin + 1 {
				w.delete(key(i))
			}
			w.compare()
		})
	}
}

// differingAt gives a key of high bytes, one of them lower, which keys that are
// drawn hardly ever differ in alone.
func differingAt(place, length int) string {
	key := bytes.Repeat([]byte{0x80}, place+length+1)
	key[place] = 0x7f
	return string(key)
}

// Keys of all lengths around what is held inline, and one hash for all of them: they are told apart
// by their bytes alone.
func TestOrderedMapTellsKeysOfOneHashApart(t *testing.T) {
	w := twin{t: t, naive: map[string]string{}}
	keys := []string{"a", "a\x00", "b", "eleven byte", "eleven bytf", "twelve bytes", "twelve bytet", "twelve bytes\x00"}
	for round := range 3 {
		for i, key := range keys {
			put := Put(key, fmt.Sprint(round, i))
			put.hash = 7
			w.table.set(&put)
			w.naive[key] = put.value()
		}
	}
	absent := Del("twelve byteu")
	absent.hash = 7
	w.table.delete(&absent)
	for i, key := range keys {
		equal(t, "keys", w.table.count(), len(keys)-i)
		for other, value := range w.table.all {
			equal(t, "value", value, w.naive[other])
		}
		del := Del(key)
		del.hash = 7
		w.table.delete(&del)
		for other := range w.table.all {
			if other == key {
				t.Errorf("%q is still there", key)
			}
		}
	}
	equal(t, "keys", w.table.count(), 0)
}

func TestOrderedMapStaysCompactUnderDeletes(t *testing.T) {
	w := twin{t: t, naive: map[string]string{}}
	for i := range 50_000 {
		w.set(fmt.Sprintf("key-%06d", i), "12345678")
	}
	for i := range 50_000 {
		if i%50 != 0 {
			w.delete(fmt.Sprintf("key-%06d", i))
		}
	}
	w.compare()
}

func TestOrderedMapClone(t *testing.T) {
	w := twin{t: t, naive: map[string]string{}}
	for i := range 20_000 {
		w.set(fmt.Sprintf("key-%06d", i*7919%20_000), strings.Repeat("v", i%300))
	}
	copied := w.table.clone()
	other := twin{t: t, table: copied, naive: map[string]string{}}
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
	w := twin{t: t, naive: map[string]string{}}
	for i := range 1000 {
		w.set(fmt.Sprintf("key-%06d", i), "")
	}
	seen := 0
	for range w.table.all {
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
