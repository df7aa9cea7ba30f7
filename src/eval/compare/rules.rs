//! Whether reports mean the same by a protocol, and whether their predictions came about by one rule.

use anyhow::{Result, bail};
use indexmap::IndexMap;

use crate::eval::protocol::Protocol;
use crate::eval::protocol::name::ProtocolName;
use crate::eval::protocol::rules::{Average, MeasureFrame, ThresholdReference, Ties, TransferRule};
use crate::eval::report::ProtocolReport;
use crate::spelling::shortened;

/// Ensures that two reports mean the same by a protocol.
///
/// # Errors
/// When they do not; the error says what differs.
pub(crate) fn same_rules(name: ProtocolName, first: Rules, second: Rules) -> Result<()> {
    if first != second {
        bail!("their protocols `{name}` measure differently: {first:?} and {second:?}");
    }
    Ok(())
}

/// What of a protocol decides whether its numbers can be compared.
pub(crate) type Rules = (ThresholdReference, MeasureFrame, Average, Ties);

impl ProtocolReport {
    /// The rules that the numbers came about by.
    pub(crate) fn rules(&self) -> Rules {
        (self.threshold, self.frame, self.average, self.ties)
    }
}

impl Protocol {
    /// The rules that numbers will come about by.
    pub(super) fn rules(&self) -> Rules {
        (self.threshold, self.frame, self.average, self.ties)
    }
}

/// Where a rule takes source keypoints to lie. Points that other systems predicted were taken where they lie, and files of
/// this program hold what its own rules said.
fn position(rule: TransferRule) -> &'static str {
    match rule {
        TransferRule::SubPixel | TransferRule::Stored => "sub-pixel positions",
        TransferRule::Truncated | TransferRule::Stored256 | TransferRule::Stored512 => {
            "whole pixels"
        }
        TransferRule::PatchCentre | TransferRule::Stored840 => "patch centres",
    }
}

/// One sentence on all protocols for which systems' source keypoints were taken to lie elsewhere; none where there is no
/// such protocol.
pub(crate) fn transfer_note(
    protocols: &[(ProtocolName, Vec<TransferRule>)],
    systems: &[&str],
) -> Option<String> {
    let differ = |(_, rules): &&(ProtocolName, Vec<TransferRule>)| {
        rules.iter().any(|rule| position(*rule) != position(rules[0]))
    };
    let differing: Vec<_> = protocols.iter().filter(differ).collect();
    let (_, rules) = differing.first()?;
    let names: Vec<String> = differing.iter().map(|(name, _)| format!("`{name}`")).collect();
    let mut positions: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for (system, rule) in systems.iter().zip(rules) {
        positions.entry(position(*rule)).or_default().push(system);
    }
    let positions: Vec<String> = positions
        .iter()
        .map(|(position, systems)| format!("{position} for {}", systems.join(", ")))
        .collect();
    Some(format!(
        "under {} source keypoints were not taken alike ({}), which moves predictions by up to a pixel of the frame: \
         small differences mean little there",
        shortened(&names),
        positions.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_names_every_protocol_whose_sources_differ() {
        let name = |name: &str| name.parse::<ProtocolName>().unwrap();
        let rules = |own| vec![own, own, TransferRule::Stored];
        let protocols = [
            (name("standard"), rules(TransferRule::SubPixel)),
            (name("paper"), rules(TransferRule::Truncated)),
            (name("paper-image"), rules(TransferRule::Truncated)),
        ];
        let systems = ["lite", "zero-shot", "theirs"];
        let note = transfer_note(&protocols, &systems).unwrap();
        assert!(note.starts_with("under `paper`, `paper-image` source keypoints"), "{note}");
        assert!(
            note.contains("(whole pixels for lite, zero-shot; sub-pixel positions for theirs)"),
            "{note}"
        );
        assert_eq!(transfer_note(&protocols[..1], &systems), None);
    }
}
