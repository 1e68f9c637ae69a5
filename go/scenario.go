package dkv20

// ScenarioNames returns the names of the scenarios, in order.
func ScenarioNames() []string { return []string{"A", "B"} }

// ScenarioScript returns the command lines of a scenario, each with its LF
// (definition, section 9).
func ScenarioScript(name string) (script string, ok bool) {
	script, ok = scenarioScripts[name]
	return script, ok
}

var scenarioScripts = map[string]string{
	// No faults.
	"A": `new 5
workload 20 1000 10000
`,
	// All faults: lagging followers, uncommitted entries of a deposed leader, those
	// of a minority that a new leader keeps, a longer but older log that must lose
	// an election, and both reasons for a snapshot.
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
