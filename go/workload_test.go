package dkv20

import "testing"

func TestWorkloadCounts(t *testing.T) {
	c := newCluster(t, 5)
	run := func(seed uint64, want WorkloadCounts) {
		t.Helper()
		counts, err := RunWorkload(c, seed, 300, 1_000)
		must(t, err)
		equal(t, "counts", counts, want)
	}
	run(1, WorkloadCounts{Committed: 1_000})
	must(t, c.Partition(4, 0))
	run(2, WorkloadCounts{Committed: 1_000})
	must(t, c.Partition(1, 2))
	run(3, WorkloadCounts{Refused: 1_000})
	must(t, c.HealIDs(1))
	run(4, WorkloadCounts{Pending: 1_000})
	c.Heal()
	run(5, WorkloadCounts{Committed: 1_000})
	checkIdentical(t, c)
	equal(t, "commit index", c.replicas[0].CommitIndex(), 4_001)
}

func TestWorkloadChecksKeySpaceThenCount(t *testing.T) {
	c := newCluster(t, 1)
	before := fingerprint(c)
	for _, keys := range []uint64{0, KeysMax + 1} {
		_, err := RunWorkload(c, 1, keys, WorkloadCountMax+1)
		wantError(t, err, ErrKeySpace)
	}
	_, err := RunWorkload(c, 1, KeysMax, WorkloadCountMax+1)
	wantError(t, err, ErrCount)
	equal(t, "cluster", fingerprint(c), before)
}
