//! The sections of the definition, as links.

/// The definition, for a report that is opened anywhere.
const DEFINITION: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/CONCEPTS.md");
/// The definition's sections and their titles.
const SECTIONS: [(&str, &str); 17] = [
    ("1", "Conventions"),
    ("2", "Operations"),
    ("3", "Replica"),
    ("4", "Cluster"),
    ("4.1", "propose(op)"),
    ("4.2", "propose_at(id, op)"),
    ("4.3", "partition(ids), heal(), heal(ids)"),
    ("4.4", "settle"),
    ("4.5", "compact(), compact(ids)"),
    ("5", "Snapshot"),
    ("6", "splitmix64"),
    ("7", "Workload"),
    ("8", "Port protocol"),
    ("9", "Scenarios"),
    ("10", "Chaos"),
    ("11", "Traces"),
    ("12", "The numbered cases"),
];

/// Returns the title of a section of the definition, or `None` if there is no section of this number.
#[must_use]
pub fn section_title(number: &str) -> Option<&'static str> {
    SECTIONS.iter().find(|(known, _)| *known == number).map(|(_, title)| *title)
}

/// Returns the address of a section of the definition, for a report that is opened anywhere, or
/// `None` if there is no section of this number.
#[must_use]
pub fn section_url(number: &str) -> Option<String> {
    let title = section_title(number)?;
    let heading = format!("{number} {title}");
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    let anchor = kept.collect::<String>().to_lowercase().replace(' ', "-");
    Some(format!("{DEFINITION}#{anchor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_the_headings_of_the_definition() {
        let definition = include_str!("../../docs/CONCEPTS.md");
        let headings = definition.lines().filter_map(|line| line.strip_prefix("##"));
        let headings = headings.map(|heading| heading.trim_start_matches('#').trim());
        let numbered = headings.filter(|heading| heading.starts_with(|c: char| c.is_ascii_digit()));
        let sections = numbered.filter_map(|heading| heading.split_once(' '));
        let sections = sections.map(|(number, title)| (number.trim_end_matches('.'), title));
        assert_eq!(sections.collect::<Vec<_>>(), SECTIONS);
    }

    #[test]
    fn links_lead_to_the_anchors_of_headings() {
        for (number, anchor) in [
            ("1", "1-conventions"),
            ("4.2", "42-propose_atid-op"),
            ("4.3", "43-partitionids-heal-healids"),
            ("12", "12-the-numbered-cases"),
        ] {
            assert_eq!(section_url(number), Some(format!("{DEFINITION}#{anchor}")));
        }
        assert_eq!(section_url("13"), None);
    }
}
