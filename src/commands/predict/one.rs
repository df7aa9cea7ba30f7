//! One pair of photos.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::cli::predict::{DEFAULT_VIEW, PredictArguments};
use crate::commands::predict::flags::{inputs, keypoints, limits, tell_of_confidence, turns};
use crate::commands::{Outcome, engine, usage_error};
use crate::geometry::Turn;
use crate::inference::FlowNetwork;
use crate::output::{self, Stdout};
use crate::predict::annotation::Annotation;
use crate::predict::certainty::{far_better, most_certain};
use crate::predict::output::Output;
use crate::predict::pair::{Seen, correspond, write};
use crate::predict::photo::Photo;
use crate::predict::plan::Plan;
use crate::predict::product::Kind;
use crate::predict::product::transfer::Transfer;
use crate::predict::product::view::{View, is_view};
use crate::predict::record::{PairLabel, PairOutcome, Record};
use crate::predict::turning::OTHERS;
use crate::terminal::Terminal;

const TRANSFER: &Kind = &Kind::of::<Transfer>();

/// Runs the command on one pair.
///
/// # Errors
/// Whatever kept it from its result.
pub(super) fn run(
    arguments: &PredictArguments,
    [source_path, target_path]: [&PathBuf; 2],
    terminal: &Terminal,
) -> Result<Outcome> {
    let start = Instant::now();
    let mut outputs = outputs(arguments)?;
    let asks_for_text = arguments.keypoints.is_some() || !arguments.point.is_empty();
    let carries = |output: &Output| output.format.is_of(TRANSFER);
    if arguments.transfer.is_some() && arguments.truth.is_none() && !outputs.iter().any(carries) {
        let problem = "--transfer goes with -o FILE (.png, .jpg, .webp, .json), or with --truth";
        return Err(usage_error("predict", problem));
    }
    if outputs.is_empty() && !asks_for_text && arguments.truth.is_none() {
        outputs.push(default_output()?);
    }
    let photos = [source_path.as_path(), target_path.as_path()];
    let written: Vec<PathBuf> = outputs.iter().flat_map(|output| output.files(photos)).collect();
    let inputs = [&[source_path.clone(), target_path.clone()][..], &inputs(arguments)?].concat();
    if output::check(written.iter().map(PathBuf::as_path), inputs.iter().map(PathBuf::as_path))?
        == Stdout::Taken
    {
        if arguments.json {
            return Err(usage_error("predict", "--json and one of the outputs both want stdout"));
        }
        terminal.yield_stdout();
    }
    let read = |file: &Option<PathBuf>, photo: &Path| {
        let file = file.as_ref().map(|file| Annotation::read(file, photo, arguments.exif.into()));
        Ok::<_, anyhow::Error>(file.transpose()?.map(Arc::new))
    };
    let plan = Plan {
        outputs,
        keypoints: keypoints(arguments)?,
        annotation: read(&arguments.transfer, source_path)?,
        truth: read(&arguments.truth, target_path)?,
        judged: false,
        resolution: arguments.size.into(),
        limits: limits(arguments),
        drawing: arguments.drawing.drawing(),
    };
    let mut network = engine::load(&arguments.model, terminal)?;
    tell_of_confidence(&network, plan.needs(), terminal);
    let turns = turns(arguments);
    // Where another turn would match far better, that is said.
    let looks_further = turns == [Turn::NONE] && network.is_calibrated();
    let (input, exif) = (network.input(), arguments.exif.into());
    let photo =
        |path: &Path, turns: &[Turn]| Photo::read(path, exif, input, plan.needs_photos(), turns);
    let all = if looks_further { &OTHERS[..] } else { &turns };
    let (source, target) = rayon::join(|| photo(source_path, &[]), || photo(target_path, all));
    let (source, target) = (source?, target?);
    plan.check(source.size, target.size)?;
    let ways: Vec<Seen> =
        turns.iter().map(|turn| Seen { source: &source, target: &target, turn: *turn }).collect();
    let best = if ways.len() > 1 { most_certain(&mut network, &ways, 1)? } else { 0 };
    let pairs = correspond(&mut network, &ways[best..=best], plan.needs())?;
    let (mut prediction, mut attempts) = write(&pairs[0], &source, &target, &plan);
    if let Some(verdict) = prediction.verdict.filter(|_| looks_further) {
        prediction.better_turn = far_better(&mut network, &source, &target, verdict)?;
    }
    if arguments.truth.is_some() && prediction.labels.is_none() {
        terminal.warn("neither map has a label that could be compared, but 0 and what is void");
    }
    terminal.log_prediction(&prediction, plan.resolution, start.elapsed());
    if arguments.json {
        let label = PairLabel::of_photos([&**source_path, &**target_path]);
        let outcome = PairOutcome::Done(prediction);
        terminal.json(&Record { line: None, frame: None, label, outcome })?;
    } else if let Some(keypoints) = &prediction.keypoints {
        terminal.json(keypoints)?;
    }
    attempts.record(terminal.written());
    attempts.conclude()?;
    Ok(Outcome::Done)
}

/// The files that the flags name.
fn outputs(arguments: &PredictArguments) -> Result<Vec<Output>> {
    let outputs = arguments.files.named.iter().map(|(kind, path)| {
        let other = Output::new(kind, path);
        if arguments.transfer.is_none() || !kind.main {
            return other;
        }
        // What is carried goes by `-o` as well, where the ending is not the flow's alone, as that of `.kitti.png` is.
        match (Output::new(TRANSFER, path), other) {
            (Ok(carried), Ok(flow))
                if flow.format.ending().len() > carried.format.ending().len() =>
            {
                Ok(flow)
            }
            (Err(_), Ok(flow)) => Ok(flow),
            (carried, _) => carried,
        }
    });
    outputs
        .map(|output| output.map_err(|error| usage_error("predict", &error.to_string())))
        .collect()
}

/// What is written where nothing is named: a page to look at.
fn default_output() -> Result<Output> {
    const VIEW: &Kind = &Kind::of::<View>();
    let path = Path::new(DEFAULT_VIEW);
    if path.try_exists()? && !is_view(path)? {
        bail!(
            "`{DEFAULT_VIEW}` is there and is no such page of lpmflow's: name another file with --html FILE"
        );
    }
    Output::new(VIEW, path)
}
