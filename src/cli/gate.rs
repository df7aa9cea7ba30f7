//! The conditions that `compare` and `eval --baseline` judge by.

use clap::{Args, ValueEnum};

use crate::cli::score::{alpha, points};
use crate::eval::compare::Alphas;
use crate::eval::summary::alpha_key;

/// What must hold, or the command exits with 3. Every condition is judged and told by itself.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Conditions (exit code 3 where one is not satisfied)")]
pub(crate) struct GateArguments {
    /// All pairs' score falls by at most this
    #[arg(long, value_name = "POINTS", value_parser = points)]
    pub max_drop: Option<f64>,
    /// No category's score falls by more than this
    #[arg(long, value_name = "POINTS", value_parser = points)]
    pub max_drop_category: Option<f64>,
    /// All pairs' score does not fall beyond chance: 0 lies within the paired bootstrap interval of the change, of
    /// 95 %, or more where several alphas are judged (Bonferroni)
    #[arg(long, value_enum, value_name = "WHAT")]
    pub fail_if: Option<FailIf>,
    /// The alphas that are judged, `all` or some of the report's [default: the one that decides]
    #[arg(long, value_name = "A,...", value_delimiter = ',', value_parser = judged)]
    pub alphas: Vec<Judged>,
}

/// What fails, however little it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailIf {
    /// A drop beyond chance
    Significant,
}

/// What is judged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Judged {
    /// Every alpha.
    All,
    /// One, as reports write it.
    Alpha(String),
}

impl GateArguments {
    /// Whether there is any condition, or a choice of what they are about.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_conditions() && self.alphas.is_empty()
    }

    /// Whether there is any condition.
    fn has_conditions(&self) -> bool {
        let Self { max_drop, max_drop_category, fail_if, alphas: _ } = self;
        max_drop.is_some() || max_drop_category.is_some() || fail_if.is_some()
    }

    /// What is wrong about the flags, which would judge nothing.
    pub(crate) fn mistake(&self) -> Option<&'static str> {
        (!self.is_empty() && !self.has_conditions()).then_some(
            "--alphas says what conditions are on, and there is none: --max-drop, --max-drop-category or --fail-if \
             significant",
        )
    }

    /// Which alphas the conditions are about.
    pub(crate) fn judged(&self) -> Alphas {
        if self.alphas.is_empty() {
            return Alphas::Headline;
        }
        let alpha = |judged: &Judged| match judged {
            Judged::All => None,
            Judged::Alpha(alpha) => Some(alpha.clone()),
        };
        self.alphas.iter().map(alpha).collect::<Option<_>>().map_or(Alphas::All, Alphas::These)
    }
}

fn judged(text: &str) -> Result<Judged, String> {
    match text.trim() {
        "all" => Ok(Judged::All),
        text => match alpha(text) {
            Ok(alpha) => Ok(Judged::Alpha(alpha_key(alpha))),
            Err(error) => Err(format!("{error}, or `all`")),
        },
    }
}
