package dkv20

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

// tableTest is a table and its model.
type tableTest struct {
	t     *testing.T
	table keyTable
	model modelMap
}

func newTableTest(t *testing.T) *tableTest { return &tableTest{t: t, model: modelMap{}} }

func (w *tableTest) put(key, value string) {
	op := Put(key, value)
	w.table.put(&op)
	w.model[key] = value
}

func (w *tableTest) remove(key string) {
	op := Del(key)
	w.table.remove(&op)
	delete(w.model, key)
}

// check compares contents, order and sizes, and checks the table's invariants.
func (w *tableTest) check() {
	t := w.t
	t.Helper()
	keys := w.model.sortedKeys()
	equal(t, "size", w.table.size(), len(keys))
	i := 0
	for key, value := range w.table.all {
		if key != keys[i] || value != w.model[key] {
			t.Fatalf("entry %d: got %q = %q, want %q = %q", i, key, value, keys[i], w.model[keys[i]])
		}
		if got, ok := w.table.get(key); !ok || got != value {
			t.Fatalf("%q: got %q, %v, want %q", key, got, ok, value)
		}
		i++
	}
	var entries []byte
	for op := range w.table.puts {
		entries = append(entries, op.snapshotEntry()...)
	}
	if want := w.model.entries(); !bytes.Equal(entries, want) {
		t.Fatalf("got entries\n%x, want\n%x", entries, want)
	}
	equal(t, "bytes", w.table.bytes, len(entries))
	checkSlots(t, &w.table)
}

// checkSlots checks that there are as many full slots as keys, that a probe for
// each key finds it, and that the number of slots suits the number of keys.
func checkSlots(t *testing.T, table *keyTable) {
	t.Helper()
	full := 0
	for i := range table.slots {
		op := &table.slots[i]
		if op.isNoOp() {
			continue
		}
		full++
		equal(t, "tag", op.tag, tagPut)
		equal(t, "slot", table.find(op), uint32(i))
	}
	equal(t, "full slots", full, table.size())
	slots := len(table.slots)
	tooFull := full*4 > slots*3
	tooEmpty := slots > slotsMin && full*16 < slots
	if tooFull || tooEmpty {
		t.Fatalf("%d slots for %d keys", slots, full)
	}
}

func TestKeyTableAgainstModel(t *testing.T) {
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
			w := newTableTest(t)
			for phase := range 8 {
				for range 1500 {
					// The table grows, then shrinks.
					if r.IntN(8) < 7-phase {
						w.put(key(r), strings.Repeat("v", []int{8, 8, 8, 0, 100, 256, 257, 1000}[r.IntN(8)]))
					} else {
						w.remove(key(r))
					}
				}
				w.check()
			}
			for k := range w.model {
				w.remove(k)
			}
			w.check()
			equal(t, "slots", len(w.table.slots), slotsMin)
		})
	}
}

// There are enough keys for the radix sort.
func TestKeyTableSortsManyKeys(t *testing.T) {
	kinds := map[string]func(i int) string{
		"numbers":       func(i int) string { return fmt.Sprintf("key-%06d", i) },
		"common prefix": func(i int) string { return fmt.Sprintf("a prefix of all keys %06d", i) },
		"first byte":    func(i int) string { return fmt.Sprintf("%c-key %06d", i%128, i) },
		"two pieces":    func(i int) string { return fmt.Sprintf("%c, then another piece %06d", i%2, i) },
		"prefixes":      func(i int) string { return strings.Repeat("k", i+1) },
		"zeros":         func(i int) string { return fmt.Sprintf("%c%s", i%64, strings.Repeat("\x00", i/64)) },
		"one byte":      func(i int) string { return differingAt(i%40, i/40) },
	}
	const n = 6 * radixMin
	for name, key := range kinds {
		t.Run(name, func(t *testing.T) {
			w := newTableTest(t)
			for i := range n {
				w.put(key(i*7919%n), "12345678")
			}
			w.check()
			for i := range n - radixMin + 1 {
				w.remove(key(i))
			}
			w.check()
		})
	}
}

// differingAt returns a key that differs from others only in the byte at place,
// which random keys hardly ever do.
func differingAt(place, length int) string {
	key := bytes.Repeat([]byte{0x80}, place+length+1)
	key[place] = 0x7f
	return string(key)
}

// The keys have the lengths around that of a piece, and all the same hash, so
// that only their bytes differ.
func TestKeyTableComparesKeysWithEqualHashes(t *testing.T) {
	w := newTableTest(t)
	keys := []string{"a", "a\x00", "b", "eleven byte", "eleven bytf", "twelve bytes", "twelve bytet", "twelve bytes\x00"}
	for round := range 3 {
		for i, key := range keys {
			op := Put(key, fmt.Sprint(round, i))
			op.hash = 7
			w.table.put(&op)
			w.model[key] = op.value()
		}
	}
	absent := Del("twelve byteu")
	absent.hash = 7
	w.table.remove(&absent)
	for i, key := range keys {
		equal(t, "keys", w.table.size(), len(keys)-i)
		for other, value := range w.table.all {
			equal(t, "value", value, w.model[other])
		}
		del := Del(key)
		del.hash = 7
		w.table.remove(&del)
		for other := range w.table.all {
			if other == key {
				t.Errorf("%q has not been removed", key)
			}
		}
	}
	equal(t, "keys", w.table.size(), 0)
}

func TestKeyTableShrinks(t *testing.T) {
	w := newTableTest(t)
	for i := range 50_000 {
		w.put(fmt.Sprintf("key-%06d", i), "12345678")
	}
	for i := range 50_000 {
		if i%50 != 0 {
			w.remove(fmt.Sprintf("key-%06d", i))
		}
	}
	w.check()
}

func TestKeyTableClone(t *testing.T) {
	w := newTableTest(t)
	for i := range 20_000 {
		w.put(fmt.Sprintf("key-%06d", i*7919%20_000), strings.Repeat("v", i%300))
	}
	other := &tableTest{t: t, table: w.table.clone(), model: maps.Clone(w.model)}
	for i := range 20_000 {
		switch i % 3 {
		case 0:
			w.remove(fmt.Sprintf("key-%06d", i))
		case 1:
			w.put(fmt.Sprintf("key-%06d", i), "other")
		}
	}
	w.check()
	other.check()
}

func FuzzKeyTable(f *testing.F) {
	f.Add([]byte("a1b2c3"), uint8(3))
	f.Add(bytes.Repeat([]byte{0, 1, 0x7f, 0x80, 255}, 100), uint8(17))
	f.Fuzz(func(t *testing.T, data []byte, width uint8) {
		w := newTableTest(t)
		for i := 0; i+1 < len(data); i++ {
			key := string(data[i:min(len(data), i+1+int(data[i]%max(width, 1)))])
			if data[i+1]%4 == 0 {
				w.remove(key)
			} else {
				w.put(key, strings.Repeat(key, int(data[i+1])))
			}
		}
		w.check()
	})
}
