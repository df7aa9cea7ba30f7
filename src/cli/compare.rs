//! `lpmflow compare`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::eval::protocol;
use crate::cli::gate::GateArguments;
use crate::cli::leaderboard::ComparisonOutputs;
use crate::cli::score::alpha;
use crate::eval::protocol::name::ProtocolName;

/// The flags of `compare`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompareArguments {
    /// The earlier report
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The later report
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// Further reports on the same pairs: all become a leaderboard
    #[arg(value_name = "REPORT")]
    pub further: Vec<PathBuf>,
    /// The protocol that decides [default: the earlier report's first]
    #[arg(short, long, value_name = "NAME", value_parser = protocol())]
    pub protocol: Option<ProtocolName>,
    /// The alpha that decides [default: the earlier report's, 0.1 if it has that]
    #[arg(short, long, value_name = "A", value_parser = alpha)]
    pub alpha: Option<f64>,
    /// Print the comparison as JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// What must hold.
    #[command(flatten)]
    pub gate: GateArguments,
    /// Where it goes.
    #[command(flatten)]
    pub outputs: ComparisonOutputs,
}
