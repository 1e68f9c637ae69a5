package dkv20

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"
)

// chaosKeys is the size of chaos's key space.
const chaosKeys = 64

// chaosRun is a chaos under way (definition, section 10).
type chaosRun struct {
	session    Session
	draws      SplitMix64
	digest     hash.Hash
	line       []byte
	transcript []byte // what has not been put into the digest yet
}

// chaos runs steps command lines made of draws from seed against a cluster, then
// looks at each replica. It gives the SHA-256 of all lines and answers in
// lower-case hex.
func chaos(c *Cluster, seed, steps uint64) string {
	run := chaosRun{session: Session{cluster: c}, draws: SplitMix64{seed}, digest: sha256.New()}
	for range steps {
		run.draw()
		run.run()
	}
	for id := range c.replicas {
		for _, word := range [...]string{"replica", "log", "hash"} {
			run.start(word)
			run.id(uint64(id))
			run.run()
		}
	}
	run.digest.Write(run.transcript)
	return hex.EncodeToString(run.digest.Sum(nil))
}

// run runs the line and adds it and its answer to the transcript.
func (r *chaosRun) run() {
	r.transcript = append(append(append(r.transcript, "> "...), r.line...), "\n< "...)
	r.transcript, _ = r.session.Run(r.line, r.transcript)
	r.transcript = append(r.transcript, '\n')
	if len(r.transcript) >= hashBufferSize {
		r.digest.Write(r.transcript)
		r.transcript = r.transcript[:0]
	}
}

// draw makes the next line.
func (r *chaosRun) draw() {
	switch e := r.draws.Next() >> 57; {
	case e <= 55:
		r.line = r.line[:0]
		r.op()
	case e <= 71:
		r.start("at")
		r.id(r.leaderID())
		r.line = append(r.line, ' ')
		r.op()
	case e <= 75:
		r.start("at")
		r.id(r.anyID())
		r.line = append(r.line, ' ')
		r.op()
	case e <= 83:
		r.start("partition")
		r.id(r.anyID())
	case e <= 87:
		r.start("partition")
		r.id(uint64(r.session.cluster.leader))
	case e <= 91:
		r.start("partition")
		r.mask()
	case e <= 99:
		r.start("heal")
		r.id(r.anyID())
	case e <= 103:
		r.start("heal")
		r.mask()
	case e <= 105:
		r.start("heal")
	case e <= 109:
		r.start("compact")
		r.id(r.anyID())
	case e <= 111:
		r.start("compact")
	case e <= 115:
		r.start("get")
		r.id(r.anyID())
		key := workloadKey(r.draws.Next(), chaosKeys)
		r.bytes(string(key[:]))
	case e <= 120:
		r.start("hash")
		r.id(r.anyID())
	case e <= 123:
		r.start("log")
		r.id(r.anyID())
	case e <= 126:
		r.start("replica")
		r.id(r.anyID())
	default:
		r.start("status")
	}
}

func (r *chaosRun) start(word string) { r.line = append(r.line[:0], word...) }

func (r *chaosRun) id(id uint64) { r.line = strconv.AppendUint(append(r.line, ' '), id, 10) }

func (r *chaosRun) bytes(s string) { r.line = appendHex(append(r.line, ' '), s) }

// anyID draws a replica.
func (r *chaosRun) anyID() uint64 { return r.draws.Next() % uint64(r.session.cluster.Size()) }

// leaderID draws one of those that take themselves for the leader.
func (r *chaosRun) leaderID() uint64 {
	var leaders [ReplicasMax]uint64
	count := uint64(0)
	for _, replica := range r.session.cluster.replicas {
		if replica.role == Leader {
			leaders[count] = uint64(replica.id)
			count++
		}
	}
	return leaders[r.draws.Next()%count]
}

// mask draws a list of ids.
func (r *chaosRun) mask() {
	mask := r.draws.Next()
	for id := range r.session.cluster.Size() {
		if mask&bit(id) != 0 {
			r.id(uint64(id))
		}
	}
}

// op draws an op and appends it as a command line has it.
func (r *chaosRun) op() {
	op := r.draws.drawOp(chaosKeys)
	if op.tag == tagDel {
		r.line = append(r.line, "del"...)
		r.bytes(op.key())
		return
	}
	r.line = append(r.line, "put"...)
	r.bytes(op.key())
	r.bytes(op.value())
}
