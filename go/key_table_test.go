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

func (tt *tableTest) put(key, value string) {
	op := Put(key, value)
	tt.table.put(&op)
	tt.model[key] = value
}

func (tt *tableTest) remove(key string) {
	op := Del(key)
	tt.table.remove(&op)
	delete(tt.model, key)
}

// check compares contents, order and sizes, and checks the table's invariants.
func (tt *tableTest) check() {
	t := tt.t
	t.Helper()
	keys := tt.model.sortedKeys()
	equal(t, "size", tt.table.size(), len(keys))
	i := 0
	for key, value := range tt.table.all {
		if key != keys[i] || value != tt.model[key] {
			t.Fatalf("entry %d: got %q = %q, want %q = %q", i, key, value, keys[i], tt.model[keys[i]])
		}
		if got, ok := tt.table.get(key); !ok || got != value {
			t.Fatalf("%q: got %q, %v, want %q", key, got, ok, value)
		}
		i++
	}
	var entries []byte
	for op := range tt.table.puts {
		entries = append(entries, op.snapshotEntry()...)
	}
	if want := tt.model.entries(); !bytes.Equal(entries, want) {
		t.Fatalf("got entries\n%x, want\n%x", entries, want)
	}
	equal(t, "bytes", tt.table.bytes, len(entries))
	checkSlots(t, &tt.table)
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
			tt := newTableTest(t)
			for phase := range 8 {
				for range 1500 {
					// The table grows, then shrinks.
					if r.IntN(8) < 7-phase {
						tt.put(key(r), strings.Repeat("v", []int{8, 8, 8, 0, 100, 256, 257, 1000}[r.IntN(8)]))
					} else {
						tt.remove(key(r))
					}
				}
				tt.check()
			}
			for k := range tt.model {
				tt.remove(k)
			}
			tt.check()
			equal(t, "slots", len(tt.table.slots), slotsMin)
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
		"pairs":         func(i int) string { return fmt.Sprintf("key-%06d, %d", i/2, i%2) },
		"prefixes":      func(i int) string { return strings.Repeat("k", i+1) },
		"zeros":         func(i int) string { return fmt.Sprintf("%c%s", i%64, strings.Repeat("\x00", i/64)) },
		"one byte":      func(i int) string { return differingAt(i%40, i/40) },
	}
	const n = 6 * radixMin
	for name, key := range kinds {
		t.Run(name, func(t *testing.T) {
			tt := newTableTest(t)
			for i := range n {
				tt.put(key(i*7919%n), "12345678")
			}
			tt.check()
			for i := range n - radixMin + 1 {
				tt.remove(key(i))
			}
			tt.check()
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
	tt := newTableTest(t)
	keys := []string{"a", "a\x00", "b", "eleven byte", "eleven bytf", "twelve bytes", "twelve bytet", "twelve bytes\x00"}
	for round := range 3 {
		for i, key := range keys {
			op := Put(key, fmt.Sprint(round, i))
			op.hash = 7
			tt.table.put(&op)
			tt.model[key] = op.value()
		}
	}
	absent := Del("twelve byteu")
	absent.hash = 7
	tt.table.remove(&absent)
	for i, key := range keys {
		equal(t, "keys", tt.table.size(), len(keys)-i)
		for other, value := range tt.table.all {
			equal(t, "value", value, tt.model[other])
		}
		del := Del(key)
		del.hash = 7
		tt.table.remove(&del)
		for other := range tt.table.all {
			if other == key {
				t.Errorf("%q has not been removed", key)
			}
		}
	}
	equal(t, "keys", tt.table.size(), 0)
}

func TestKeyTableShrinks(t *testing.T) {
	tt := newTableTest(t)
	for i := range 50_000 {
		tt.put(fmt.Sprintf("key-%06d", i), "12345678")
	}
	for i := range 50_000 {
		if i%50 != 0 {
			tt.remove(fmt.Sprintf("key-%06d", i))
		}
	}
	tt.check()
}

func TestKeyTableClone(t *testing.T) {
	tt := newTableTest(t)
	for i := range 20_000 {
		tt.put(fmt.Sprintf("key-%06d", i*7919%20_000), strings.Repeat("v", i%300))
	}
	other := &tableTest{t: t, table: tt.table.clone(), model: maps.Clone(tt.model)}
	for i := range 20_000 {
		switch i % 3 {
		case 0:
			tt.remove(fmt.Sprintf("key-%06d", i))
		case 1:
			tt.put(fmt.Sprintf("key-%06d", i), "other")
		}
	}
	tt.check()
	other.check()
}

func FuzzKeyTable(f *testing.F) {
	f.Add([]byte("a1b2c3"), uint8(3))
	f.Add(bytes.Repeat([]byte{0, 1, 0x7f, 0x80, 255}, 100), uint8(17))
	f.Fuzz(func(t *testing.T, data []byte, width uint8) {
		tt := newTableTest(t)
		for i := 0; i+1 < len(data); i++ {
			key := string(data[i:min(len(data), i+1+int(data[i]%max(width, 1)))])
			if data[i+1]%4 == 0 {
				tt.remove(key)
			} else {
				tt.put(key, strings.Repeat(key, int(data[i+1])))
			}
		}
		tt.check()
	})
}
