//! `lpmflow compare`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::eval::{alpha, points, protocol};
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
    /// Exit with 3 when the deciding PCK falls by more than this
    #[arg(long, value_name = "POINTS", value_parser = points)]
    pub max_drop: Option<f64>,
    /// Exit with 3 when the deciding PCK of any category falls by more than this
    #[arg(long, value_name = "POINTS", value_parser = points)]
    pub max_drop_category: Option<f64>,
    /// The protocol that decides [default: the earlier report's first]
    #[arg(short, long, value_name = "NAME", value_parser = protocol())]
    pub protocol: Option<ProtocolName>,
    /// The alpha that decides [default: the earlier report's, 0.1 if it has that]
    #[arg(short, long, value_name = "A", value_parser = alpha)]
    pub alpha: Option<f64>,
    /// Print the comparison as JSON instead of a table
    #[arg(long)]
    pub json: bool,
}
