package dkv20

import "encoding/binary"

// KeysMax is the size of the largest key space of a workload (definition,
// section 7).
const KeysMax = 1_000_000

const (
	workloadKeyPrefix = "key-"
	workloadKeyDigits = 6
	workloadKeySize   = len(workloadKeyPrefix) + workloadKeyDigits
	workloadValues    = 10_000
	delDraw           = 3 // of the first draw's two highest bits
)

// DecodeOp makes an op of three draws (definition, section 7): the two highest
// bits of r1 are 3 for Del, and 0 to 2 for Put; r2 gives the key, one of keys,
// and r3 the value, eight bytes. It answers ErrKeySpace unless keys is 1 to
// [KeysMax].
func DecodeOp(r1, r2, r3, keys uint64) (Op, error) {
	if keys < 1 || keys > KeysMax {
		return Op{}, ErrKeySpace
	}
	return decodeOp(r1, r2, r3, keys), nil
}

func decodeOp(r1, r2, r3, keys uint64) Op {
	key := workloadKey(r2, keys)
	if r1>>62 == delDraw {
		return makeDel(key[:])
	}
	var value [8]byte
	binary.LittleEndian.PutUint64(value[:], r3%workloadValues)
	return makePut(key[:], value[:])
}

// workloadKey gives "key-" and r2 mod keys in six digits.
func workloadKey(r2, keys uint64) (key [workloadKeySize]byte) {
	copy(key[:], workloadKeyPrefix)
	number := r2 % keys
	for i := len(key) - 1; i >= len(workloadKeyPrefix); i-- {
		key[i] = '0' + byte(number%10)
		number /= 10
	}
	return key
}

// drawOp draws what an op is made of, three draws whatever it becomes.
func (g *SplitMix64) drawOp(keys uint64) Op {
	r1 := g.Next()
	r2 := g.Next()
	r3 := g.Next()
	return decodeOp(r1, r2, r3, keys)
}

// Counts tells how many proposals of a workload came out which way.
type Counts struct {
	Committed uint64
	Pending   uint64
	Refused   uint64 // answered with an error
}

// Workload proposes count ops, made of draws from seed, one by one, whatever
// becomes of each (definition, section 7). It answers ErrKeySpace unless keys is
// 1 to [KeysMax]; then nothing has changed.
func (c *Cluster) Workload(seed, keys, count uint64) (Counts, error) {
	if keys < 1 || keys > KeysMax {
		return Counts{}, ErrKeySpace
	}
	var counts Counts
	g := NewSplitMix64(seed)
	for range count {
		switch outcome, err := c.Propose(g.drawOp(keys)); {
		case err != nil:
			counts.Refused++
		case outcome.Committed:
			counts.Committed++
		default:
			counts.Pending++
		}
	}
	return counts, nil
}
