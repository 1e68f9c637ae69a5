package dkv20

import "encoding/binary"

// The limits of workloads (definition, sections 7 and 8).
const (
	KeysMax          = 1_000_000  // size of a key space, which is at least one
	WorkloadCountMax = 10_000_000 // ops of a workload, which may be none
)

// DecodeOp returns the op that three draws select (definition, section 7). The
// two highest bits of r1 are 3 for a Del and 0 to 2 for a Put, r2 selects the key,
// and r3 mod 10,000 is the value, of eight bytes. It returns [ErrKeySpace] unless keys is 1 to
// [KeysMax].
func DecodeOp(r1, r2, r3, keys uint64) (Op, error) {
	key, err := DecodeKey(r2, keys)
	if err != nil {
		return Op{}, err
	}
	if r1>>62 == 3 {
		return Del(key), nil
	}
	var value [8]byte
	binary.LittleEndian.PutUint64(value[:], r3%10_000)
	return Put(key, string(value[:])), nil
}

// DecodeKey returns the key that a draw selects: "key-" and r2 mod keys in six
// digits. It returns [ErrKeySpace] unless keys is 1 to [KeysMax].
func DecodeKey(r2, keys uint64) (string, error) {
	if err := checkKeys(keys); err != nil {
		return "", err
	}
	key := []byte("key-000000")
	for i, number := len(key)-1, r2%keys; number > 0; i-- {
		key[i] = '0' + byte(number%10)
		number /= 10
	}
	return string(key), nil
}

// DrawOp returns the next op of a workload. It takes three draws, whatever the op
// is. It returns [ErrKeySpace] unless keys is 1 to [KeysMax].
func DrawOp(draws *SplitMix64, keys uint64) (Op, error) {
	r1 := draws.Next()
	r2 := draws.Next()
	r3 := draws.Next()
	return DecodeOp(r1, r2, r3, keys)
}

// WorkloadCounts is how many proposals of a workload had which result.
type WorkloadCounts struct {
	Committed uint64
	Pending   uint64
	Refused   uint64 // returned an error
}

// RunWorkload proposes count ops, drawn from seed, one by one, whatever the result
// of each (definition, section 7). It returns [ErrKeySpace] unless keys is 1 to
// [KeysMax], else [ErrCount] if count is above [WorkloadCountMax]; then it has
// proposed nothing.
func RunWorkload(cluster *Cluster, seed, keys, count uint64) (WorkloadCounts, error) {
	var counts WorkloadCounts
	if err := checkKeys(keys); err != nil {
		return counts, err
	}
	if count > WorkloadCountMax {
		return counts, ErrCount
	}
	draws := NewSplitMix64(seed)
	for range count {
		op, _ := DrawOp(draws, keys) // keys has been checked
		switch outcome, err := cluster.Propose(op); {
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

func checkKeys(keys uint64) error {
	if keys < 1 || keys > KeysMax {
		return ErrKeySpace
	}
	return nil
}
