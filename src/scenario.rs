//! The scenarios A and B: lists of commands (definition, section 9).

/// The names of the scenarios, in order.
pub const SCENARIO_NAMES: [&str; 2] = ["A", "B"];

/// Returns the command lines of the scenario, without LFs, or `None` if no scenario has this name.
#[must_use]
pub fn scenario_script(name: &[u8]) -> Option<impl Iterator<Item = &'static str>> {
    let script = match name {
        b"A" => SCENARIO_A,
        b"B" => SCENARIO_B,
        _ => return None,
    };
    Some(script.lines())
}

/// The steady state.
const SCENARIO_A: &str = "\
new 5
workload 20 1000 10000
";

/// Everything that can go wrong: followers that lag, a deposed leader's uncommitted suffix, a
/// minority's pending suffix that a new leader carries on, a longer but older log that must lose an
/// election, and both reasons to install a snapshot.
const SCENARIO_B: &str = "\
new 5
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
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::parse;

    #[test]
    fn only_known_names_have_a_script() {
        for name in SCENARIO_NAMES {
            let lines: Vec<_> = scenario_script(name.as_bytes()).unwrap().collect();
            assert_eq!(lines[0], "new 5");
            for line in lines {
                assert!(matches!(parse(line.as_bytes()), Ok(Some(_))), "{line}");
            }
        }
        for name in [b"".as_slice(), b"a", b"C", b"AB", b"A "] {
            assert!(scenario_script(name).is_none());
        }
    }

    #[test]
    fn scripts_are_those_of_the_definition() {
        let definition = include_str!("../docs/CONCEPTS.md");
        for script in [SCENARIO_A, SCENARIO_B] {
            let block = format!("\n\n    {}\n\n", script.trim_end().replace('\n', "\n    "));
            assert!(definition.contains(&block), "{script}");
        }
    }
}
