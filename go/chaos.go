package dkv20

import "strconv"

// ChaosStepsMax is the greatest STEPS of the command "chaos" (definition, section 8).
const ChaosStepsMax = 10_000_000

// chaosKeys is the size of the key space: small, so that ops often share a key.
const chaosKeys = 64

// closingCommands are run for each replica after the last step.
var closingCommands = [...]string{"replica", "log", "hash"}

// chaosLines makes the command lines of a chaos run (definition, section 10). A
// line depends on the state of the cluster after the lines before it.
type chaosLines struct {
	cluster      *Cluster
	draws        SplitMix64
	stepsLeft    uint64
	closingLines int    // made so far
	line         []byte // the line that nextLine has made, without an LF
}

func newChaosLines(cluster *Cluster, seed, steps uint64) *chaosLines {
	return &chaosLines{cluster: cluster, draws: SplitMix64{state: seed}, stepsLeft: steps}
}

// nextLine makes the next line and reports whether there is one.
func (l *chaosLines) nextLine() bool {
	l.line = l.line[:0]
	if l.stepsLeft > 0 {
		l.stepsLeft--
		l.appendStep()
		return true
	}
	id := l.closingLines / len(closingCommands)
	command := closingCommands[l.closingLines%len(closingCommands)]
	l.closingLines++
	l.line = append(l.line, command...)
	l.appendID(ReplicaID(id))
	return id < l.cluster.Size()
}

func (l *chaosLines) appendStep() {
	switch e := l.draws.Next() >> 57; {
	case e <= 55:
		l.appendOp()
	case e <= 71:
		l.appendAt(l.drawLeadingID())
	case e <= 75:
		l.appendAt(l.drawID())
	case e <= 83:
		l.appendWithID("partition")
	case e <= 87:
		l.line = append(l.line, "partition"...)
		l.appendID(l.cluster.Leader())
	case e <= 91:
		l.appendWithMask("partition")
	case e <= 99:
		l.appendWithID("heal")
	case e <= 103:
		l.appendWithMask("heal")
	case e <= 105:
		l.line = append(l.line, "heal"...)
	case e <= 109:
		l.appendWithID("compact")
	case e <= 111:
		l.line = append(l.line, "compact"...)
	case e <= 115:
		l.appendWithID("get")
		l.appendKey()
	case e <= 120:
		l.appendWithID("hash")
	case e <= 123:
		l.appendWithID("log")
	case e <= 126:
		l.appendWithID("replica")
	default:
		l.line = append(l.line, "status"...)
	}
}

func (l *chaosLines) appendAt(id ReplicaID) {
	l.line = append(l.line, "at"...)
	l.appendID(id)
	l.line = append(l.line, ' ')
	l.appendOp()
}

func (l *chaosLines) appendOp() {
	op, _ := DrawOp(&l.draws, chaosKeys) // chaosKeys is a valid key space
	l.line = appendOp(l.line, &op)
}

func (l *chaosLines) appendKey() {
	key, _ := DecodeKey(l.draws.Next(), chaosKeys) // chaosKeys is a valid key space
	l.line = appendHex(append(l.line, ' '), key)
}

// appendWithID appends a command with the id that the next draw selects.
func (l *chaosLines) appendWithID(command string) {
	l.line = append(l.line, command...)
	l.appendID(l.drawID())
}

// appendWithMask appends a command with the ids whose bit of the next draw is 1.
func (l *chaosLines) appendWithMask(command string) {
	l.line = append(l.line, command...)
	mask := l.draws.Next()
	for id := range ReplicaID(l.cluster.Size()) {
		if mask>>id&1 == 1 {
			l.appendID(id)
		}
	}
}

func (l *chaosLines) appendID(id ReplicaID) {
	l.line = strconv.AppendUint(append(l.line, ' '), id, 10)
}

func (l *chaosLines) drawID() ReplicaID { return l.draws.Next() % ReplicaID(l.cluster.Size()) }

// drawLeadingID draws one of the ids whose role is leader. There is at least one: the
// current leader.
func (l *chaosLines) drawLeadingID() ReplicaID {
	var leaders []ReplicaID
	for _, r := range l.cluster.replicas {
		if r.role == Leader {
			leaders = append(leaders, r.id)
		}
	}
	return leaders[l.draws.Next()%uint64(len(leaders))]
}
