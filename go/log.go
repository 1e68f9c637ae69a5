package dkv20

import (
	"sort"
)

// A chunk of entries is closed once it holds this many, or where one more would
// make its keys and values longer than this many bytes together.
const (
	chunkEntriesMax = 512
	chunkBytesMax   = 16384
)

// chunk holds entries of one term at indexes first and up. A term has one
// leader, which only appends, so all logs that hold the entry at an index under
// a term share the same chunk; a log that ends within it keeps its own count.
// What no log holds any more is left to the garbage collector, by chunks.
type chunk struct {
	term  uint64
	first uint64
	ops   []Op
	bytes int // of their encodings
}

func (c *chunk) last() uint64 { return c.first + uint64(len(c.ops)) - 1 }

func (c *chunk) hasRoom(size int) bool {
	return len(c.ops) < chunkEntriesMax && c.bytes+size <= chunkBytesMax
}

// run is what a log holds of a chunk: up to the index last, and from the entry
// after the run before it (or after the base).
type run struct {
	*chunk
	last uint64
}

// log is a replica's log (definition, section 3): a base and the runs above it.
// Its own size does not grow by entries but by chunks.
type log struct {
	base     uint64
	baseTerm uint64
	runs     []run
}

func (l *log) last() uint64 {
	if len(l.runs) == 0 {
		return l.base
	}
	return l.runs[len(l.runs)-1].last
}

func (l *log) lastTerm() uint64 {
	if len(l.runs) == 0 {
		return l.baseTerm
	}
	return l.runs[len(l.runs)-1].term
}

// find gives the position of the run that holds index, which is above the base
// and not above the last.
func (l *log) find(index uint64) int {
	// What is asked for is mostly at the end.
	if n := len(l.runs); n == 1 || l.runs[n-2].last < index {
		return n - 1
	}
	return sort.Search(len(l.runs), func(i int) bool { return l.runs[i].last >= index })
}

// termAt gives the term of the entry at index, the base's included, and whether
// it is known.
func (l *log) termAt(index uint64) (term uint64, known bool) {
	if index == l.base {
		return l.baseTerm, true
	}
	if index < l.base || index > l.last() {
		return 0, false
	}
	return l.runs[l.find(index)].term, true
}

// append adds an entry at last + 1. The term is not below lastTerm, and this log
// is its leader's.
func (l *log) append(term uint64, op *Op) {
	size := len(op.encoding)
	next := l.last() + 1
	n := len(l.runs)
	if n == 0 || l.runs[n-1].term != term || l.runs[n-1].chunk.last() != l.last() || !l.runs[n-1].hasRoom(size) {
		c := &chunk{term: term, first: next}
		if n > 0 && l.runs[n-1].term == term {
			c.ops = make([]Op, 0, len(l.runs[n-1].ops)) // likely to become as long as the last
		}
		l.runs = append(l.runs, run{chunk: c})
		n++
	}
	end := &l.runs[n-1]
	end.ops = append(end.ops, *op)
	end.chunk.bytes += size
	end.last = next
}

// catchUp does what truncate and extend would, where that is to go on in the
// chunk in which both logs end, and tells whether it was: so it is for all that
// have missed but little. The other log is a leader's, which ends where the chunk
// does; so they agree up to this one's last, if the other still knows that.
func (l *log) catchUp(leader *log) bool {
	n, m := len(l.runs), len(leader.runs)
	if n == 0 || m == 0 || l.runs[n-1].chunk != leader.runs[m-1].chunk || l.last() < leader.base {
		return false
	}
	l.runs[n-1].last = leader.last()
	return true
}

// agreement gives m of section 4.4: the greatest index at which both logs have
// the same term. Both know the term at the greater of their bases, and there it
// is the same; so they agree up to m, and m is searched from the top.
func (l *log) agreement(other *log) uint64 {
	i, j := len(l.runs)-1, len(other.runs)-1
	for i >= 0 && j >= 0 {
		a, b := &l.runs[i], &other.runs[j]
		switch m := min(a.last, b.last); {
		case a.first > m:
			i--
		case b.first > m:
			j--
		case a.term == b.term:
			return max(m, l.base, other.base)
		case a.first > b.first:
			i--
		default:
			j--
		}
	}
	return max(l.base, other.base)
}

// truncate drops the entries after index, which is not below the base.
func (l *log) truncate(index uint64) {
	n := len(l.runs)
	for n > 0 && l.start(n-1) > index {
		n--
	}
	clear(l.runs[n:])
	l.runs = l.runs[:n]
	if n > 0 {
		l.runs[n-1].last = min(l.runs[n-1].last, index)
	}
}

// start gives the index of the first entry that the log holds of the run at i.
func (l *log) start(i int) uint64 {
	if i == 0 {
		return l.base + 1
	}
	return l.runs[i-1].last + 1
}

// extend appends the other log's entries after last, up to which both agree.
func (l *log) extend(other *log) {
	last := l.last()
	if other.last() == last {
		return
	}
	i := len(other.runs) - 1
	for other.start(i) > last+1 {
		i--
	}
	if n := len(l.runs); n > 0 && l.runs[n-1].chunk == other.runs[i].chunk {
		l.runs[n-1].last = other.runs[i].last
		i++
	}
	l.runs = append(l.runs, other.runs[i:]...)
}

// compact drops the entries up to index, which the log holds or is its base.
func (l *log) compact(index uint64) {
	l.baseTerm, _ = l.termAt(index)
	l.base = index
	n := 0
	for n < len(l.runs) && l.runs[n].last <= index {
		n++
	}
	clear(l.runs[:n])
	l.runs = l.runs[n:]
}

// span gives ops that follow index, the next one at least and none after upTo,
// and their term. The index is not below the base, and below upTo.
func (l *log) span(index, upTo uint64) (term uint64, ops []Op) {
	r := &l.runs[l.find(index+1)]
	return r.term, r.ops[index+1-r.first : min(r.last, upTo)+1-r.first]
}
