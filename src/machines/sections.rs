//! The sections of the definition, as links.

/// The definition, for a report that is opened anywhere.
const DEFINITION: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/CONCEPTS.md");
/// The definition's sections and the anchors of their headings.
const SECTIONS: [(&str, &str); 17] = [
    ("1", "1-conventions"),
    ("2", "2-operations"),
    ("3", "3-replica"),
    ("4", "4-cluster"),
    ("4.1", "41-proposeop"),
    ("4.2", "42-propose_atid-op"),
    ("4.3", "43-partitionids-heal-healids"),
    ("4.4", "44-settle"),
    ("4.5", "45-compact-compactids"),
    ("5", "5-snapshot"),
    ("6", "6-splitmix64"),
    ("7", "7-workload"),
    ("8", "8-port-protocol"),
    ("9", "9-scenarios"),
    ("10", "10-chaos"),
    ("11", "11-traces"),
    ("12", "12-the-numbered-cases"),
];

/// Returns the address of a section of the definition, for a report that is opened anywhere, or
/// `None` if there is no section of this number.
#[must_use]
pub fn section_url(number: &str) -> Option<String> {
    let (_, anchor) = SECTIONS.iter().find(|(known, _)| *known == number)?;
    Some(format!("{DEFINITION}#{anchor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_headings_of_the_definition() {
        let definition = include_str!("../../docs/CONCEPTS.md");
        let headings = definition.lines().filter_map(|line| line.strip_prefix("##"));
        let headings = headings.map(|heading| heading.trim_start_matches('#').trim());
        let numbered = headings.filter(|heading| heading.starts_with(|c: char| c.is_ascii_digit()));
        let anchors: Vec<_> = numbered
            .map(|heading| {
                let number = heading.split(' ').next().unwrap_or_default().trim_end_matches('.');
                let kept = heading.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
                (number, kept.collect::<String>().to_lowercase().replace(' ', "-"))
            })
            .collect();
        let known: Vec<_> = SECTIONS.map(|(number, anchor)| (number, anchor.to_owned())).into();
        assert_eq!(anchors, known);
    }
}
