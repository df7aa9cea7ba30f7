//! Whether reports mean the same by a protocol, and whether their predictions came about by one rule.

use anyhow::{Result, bail};

use crate::eval::protocol::name::ProtocolName;
use crate::eval::protocol::rules::TransferRule;
use crate::eval::report::ProtocolReport;
use crate::spelling::shortened;

/// Ensures that two reports mean the same by a protocol.
///
/// # Errors
/// When they do not; the error says what differs.
pub(crate) fn same_rules(first: &ProtocolReport, second: &ProtocolReport) -> Result<()> {
    let rules = |protocol: &ProtocolReport| {
        (protocol.threshold, protocol.frame, protocol.average, protocol.ties)
    };
    if rules(first) != rules(second) {
        bail!(
            "their protocols `{}` measure differently: {:?} and {:?}",
            first.name,
            rules(first),
            rules(second)
        );
    }
    Ok(())
}

/// One sentence on all protocols for which systems got their predictions by different rules, each protocol with the rule
/// of every system; none where there is no such protocol.
pub(crate) fn transfer_note(
    protocols: &[(ProtocolName, Vec<TransferRule>)],
    systems: &[&str],
) -> Option<String> {
    let differ =
        |rules: &&(ProtocolName, Vec<TransferRule>)| rules.1.iter().any(|rule| *rule != rules.1[0]);
    let differing: Vec<_> = protocols.iter().filter(differ).collect();
    let (_, rules) = differing.first()?;
    let names: Vec<String> = differing.iter().map(|(name, _)| format!("`{name}`")).collect();
    let of_systems: Vec<String> = systems
        .iter()
        .zip(rules)
        .map(|(system, rule)| format!("{} for {system}", rule.as_str()))
        .collect();
    Some(format!(
        "under {} keypoints became predictions by different rules ({}), which moves them by up to a pixel of the \
         protocol's frame: scores that differ by little are not told apart there",
        shortened(&names),
        of_systems.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_names_every_protocol_whose_rules_differ() {
        let name = |name: &str| name.parse::<ProtocolName>().unwrap();
        let [own, stored] = [TransferRule::Truncated, TransferRule::Stored];
        let protocols =
            [(name("standard"), vec![stored, stored]), (name("paper"), vec![own, stored])];
        let note = transfer_note(&protocols, &["lite", "theirs"]).unwrap();
        assert!(note.starts_with("under `paper` keypoints"), "{note}");
        assert!(note.contains("(truncated for lite, stored for theirs)"), "{note}");
        assert_eq!(transfer_note(&protocols[..1], &["lite", "theirs"]), None);
    }
}
