package dkv20

import "sort"

// A chunk is closed once it holds this many entries, or if one more would make
// its encodings longer than this many bytes.
const (
	chunkEntriesMax = 512
	chunkBytesMax   = 16_384
)

// logChunk holds entries of one term, at first and the indexes after it. A term
// has one leader, which only appends, so all logs that hold the entry of a term
// at an index share the chunk with it. A log that ends within the chunk keeps its
// own last index. The garbage collector frees a chunk that no log refers to.
type logChunk struct {
	term  uint64
	first uint64
	ops   []Op
	bytes int // total length of the encodings
}

// last returns the index of the chunk's last entry, which a log may not hold yet.
func (c *logChunk) last() uint64 { return c.first + uint64(len(c.ops)) - 1 }

func (c *logChunk) hasRoom(size int) bool {
	return len(c.ops) < chunkEntriesMax && c.bytes+size <= chunkBytesMax
}

// logRun is the part of a chunk that a log holds: from the entry after the
// previous run, or after the log's base, up to last.
type logRun struct {
	chunk *logChunk
	last  uint64
}

// log is the log of a replica (definition, section 3): the entries after base. It
// grows by one run for each chunk, not for each entry.
type log struct {
	base     uint64
	baseTerm uint64
	runs     []logRun // without gaps between them
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
	return l.runs[len(l.runs)-1].chunk.term
}

// runAt returns the position of the run that holds index, which is above base
// and at most last.
func (l *log) runAt(index uint64) int {
	// Most searches are for the end.
	if n := len(l.runs); n == 1 || l.runs[n-2].last < index {
		return n - 1
	}
	return sort.Search(len(l.runs), func(i int) bool { return l.runs[i].last >= index })
}

// firstOf returns the index of the first entry that the log holds of the run at i.
func (l *log) firstOf(i int) uint64 {
	if i == 0 {
		return l.base + 1
	}
	return l.runs[i-1].last + 1
}

// termAt returns the term of the entry at index. It is known from base to last.
func (l *log) termAt(index uint64) (term uint64, known bool) {
	if index == l.base {
		return l.baseTerm, true
	}
	if index < l.base || index > l.last() {
		return 0, false
	}
	return l.runs[l.runAt(index)].chunk.term, true
}

// span returns at least one op after index, none after upTo, and their term. The
// index is at least base and below upTo, which is at most last.
func (l *log) span(index, upTo uint64) (term uint64, ops []Op) {
	run := &l.runs[l.runAt(index+1)]
	first := run.chunk.first
	return run.chunk.term, run.chunk.ops[index+1-first : min(run.last, upTo)+1-first]
}

// append adds an entry after last. The term is at least lastTerm, and the log is
// that of the term's leader.
func (l *log) append(term uint64, op *Op) {
	size := len(op.encoding)
	if l.needsChunk(term, size) {
		chunk := &logChunk{term: term, first: l.last() + 1}
		if n := len(l.runs); n > 0 && l.runs[n-1].chunk.term == term {
			chunk.ops = make([]Op, 0, len(l.runs[n-1].chunk.ops)) // probably as many again
		}
		l.runs = append(l.runs, logRun{chunk: chunk, last: l.last()})
	}
	end := &l.runs[len(l.runs)-1]
	end.chunk.ops = append(end.chunk.ops, *op)
	end.chunk.bytes += size
	end.last++
}

// needsChunk reports whether an entry of this term and size starts a chunk.
func (l *log) needsChunk(term uint64, size int) bool {
	if len(l.runs) == 0 {
		return true
	}
	end := &l.runs[len(l.runs)-1]
	isWhole := end.chunk.last() == end.last
	return end.chunk.term != term || !isWhole || !end.chunk.hasRoom(size)
}

// agreement returns m of section 4.4: the greatest index at which both logs have
// the same term. Both logs know the term at the greater of their bases and agree
// there. They then agree on every index up to m, so the search starts at the end.
func (l *log) agreement(other *log) uint64 {
	i, j := len(l.runs)-1, len(other.runs)-1
	for i >= 0 && j >= 0 {
		a, b := &l.runs[i], &other.runs[j]
		switch m := min(a.last, b.last); {
		case a.chunk.first > m:
			i--
		case b.chunk.first > m:
			j--
		case a.chunk.term == b.chunk.term:
			return max(m, l.base, other.base)
		case a.chunk.first > b.chunk.first:
			i--
		default:
			j--
		}
	}
	return max(l.base, other.base)
}

// truncate drops the entries after index, which is at least base.
func (l *log) truncate(index uint64) {
	n := len(l.runs)
	for n > 0 && l.firstOf(n-1) > index {
		n--
	}
	clear(l.runs[n:]) // for the garbage collector
	l.runs = l.runs[:n]
	if n > 0 {
		l.runs[n-1].last = min(l.runs[n-1].last, index)
	}
}

// extendInPlace handles the common case of a follower whose log ends in the
// leader's last chunk: it makes the log the leader's without a search. It reports
// whether it did. The chunk is whole in the leader's log, so the logs agree up to
// the follower's last index, if the leader still knows that.
func (l *log) extendInPlace(leader *log) bool {
	n, m := len(l.runs), len(leader.runs)
	endsInSameChunk := n > 0 && m > 0 && l.runs[n-1].chunk == leader.runs[m-1].chunk
	if !endsInSameChunk || l.last() < leader.base {
		return false
	}
	l.runs[n-1].last = leader.last()
	return true
}

// extend appends the leader's entries after last, up to which the logs agree.
func (l *log) extend(leader *log) {
	last := l.last()
	if leader.last() == last {
		return
	}
	i := leader.runAt(last + 1)
	if n := len(l.runs); n > 0 && l.runs[n-1].chunk == leader.runs[i].chunk {
		l.runs[n-1].last = leader.runs[i].last
		i++
	}
	l.runs = append(l.runs, leader.runs[i:]...)
}

// compact drops the entries up to index, which is from base to last.
func (l *log) compact(index uint64) {
	l.baseTerm, _ = l.termAt(index)
	l.base = index
	n := 0
	for n < len(l.runs) && l.runs[n].last <= index {
		n++
	}
	clear(l.runs[:n]) // for the garbage collector
	l.runs = l.runs[n:]
}
