package dkv20

import "strings"

// scenarios are lists of commands (definition, section 9).
var scenarios = map[string]string{
	// Steady state.
	"A": `new 5
workload 20 1000 10000
`,
	// Everything that can go wrong: lagging followers, a deposed leader's tail,
	// a minority's pending tail that a new leader carries, a longer but older
	// log that must lose an election, and both ways to a snapshot.
	"B": `new 5
workload 1 1000 2000
partition 3 4
workload 2 1000 2000
heal
partition 0
at 0 put stale-1 0x01
at 0 put key-000007 0x02
at 0 del key-000008
workload 3 1000 2000
heal
partition 1 2
workload 4 1000 500
partition 3
workload 5 1000 100
partition 0
heal 1 2 3
workload 6 1000 500
heal
partition 4
at 4 put stale-2 0x03
at 4 put stale-3 0x04
at 4 put stale-4 0x05
workload 7 1000 1
partition 0 1
heal 4
workload 8 1000 500
heal
partition 2
at 2 put stale-5 0x06
at 2 put stale-6 0x07
at 2 put stale-7 0x08
workload 9 1000 1
compact
heal
partition 3
workload 10 1000 2000
compact
heal
workload 11 1000 100
`,
}

// Scenarios gives the names of the scenarios, in order.
func Scenarios() []string { return []string{"A", "B"} }

// Scenario runs a scenario, "A" or "B", and gives the hash of every replica's
// snapshot at its end, the SHA-256 in lower-case hex (definition, section 9). It
// answers ErrUnknownScenario, or ErrDiverged where a command is answered with an
// error or the replicas differ.
func Scenario(name string) (string, error) {
	script, known := scenarios[name]
	if !known {
		return "", ErrUnknownScenario
	}
	return runScenario(script)
}

func runScenario(script string) (string, error) {
	var s Session
	var answer []byte
	for line := range strings.Lines(script) {
		answer, _ = s.Run([]byte(strings.TrimSuffix(line, "\n")), answer[:0])
		if strings.HasPrefix(string(answer), "err ") {
			return "", ErrDiverged
		}
	}
	hash := s.cluster.replicas[0].SnapshotHash()
	for _, r := range s.cluster.replicas {
		if r.SnapshotHash() != hash {
			return "", ErrDiverged
		}
	}
	return hash, nil
}
