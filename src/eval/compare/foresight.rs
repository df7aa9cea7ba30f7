//! What of a comparison is known before anything is scored: better refused then than after an hour.

use anyhow::{Context, Result, ensure};

use crate::eval::compare::options::{Alphas, CompareOptions};
use crate::eval::compare::paired::holds_pairs;
use crate::eval::compare::rules::same_rules;
use crate::eval::protocol::Protocol;
use crate::eval::report::Report;
use crate::spelling::shortened;

/// The report that an evaluation will make, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Foreseen<'a> {
    /// The protocols, the deciding one first.
    pub protocols: &'a [Protocol],
    /// The alpha that decides, as reports write it.
    pub headline: &'a str,
}

/// Ensures that a baseline holds everything that it will be asked for.
///
/// # Errors
/// When it does not; the error says what it lacks.
pub(crate) fn ensure_comparable(
    baseline: &Report,
    later: Foreseen,
    options: &CompareOptions,
) -> Result<()> {
    for protocol in later.protocols {
        if let Some(report) = baseline.protocol(protocol.name) {
            same_rules(protocol.name, report.rules(), protocol.rules())?;
        }
    }
    let deciding = later.protocols.first().context("there is no protocol")?.name;
    let report = baseline.protocol(deciding).with_context(|| {
        let names = baseline.protocols.iter().map(|protocol| format!("`{}`", protocol.name));
        format!(
            "it was not scored under `{deciding}`, which decides here, but under {}: name one of these first with \
             --protocol, or write it again",
            shortened(&names.collect::<Vec<_>>())
        )
    })?;
    let further = match &options.alphas {
        Alphas::These(these) => &these[..],
        Alphas::Headline | Alphas::All => &[],
    };
    let headline = [later.headline.to_owned()];
    for (alphas, role) in [(&headline[..], "decides here"), (further, "--alphas names")] {
        for alpha in alphas {
            ensure!(
                report.overall.contains_key(alpha),
                "it has no score at alpha {alpha}, which {role}: it has {}; choose among these, or write it again",
                shortened(&report.overall.keys().cloned().collect::<Vec<_>>())
            );
        }
    }
    if options.significant {
        holds_pairs(baseline, "it")?;
    }
    Ok(())
}
