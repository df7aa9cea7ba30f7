//! `lpmflow predict`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::ModelArguments;

const EXAMPLES: &str = "\
Examples:
  A picture of the flow, the target pulled onto the source, and the matches drawn:
    lpmflow predict cat.jpg other-cat.jpg -o flow.png --warp warp.png --matches matches.png

  The flow for other programs, in source pixels, pointing to target pixels:
    lpmflow predict cat.jpg other-cat.jpg -o flow.flo -o flow.npz

  Where three points of the first photo lie in the second:
    echo '[[120, 80], [160, 85], [140.5, 118]]' | lpmflow predict cat.jpg other-cat.jpg --keypoints -

  A SPair-71k pair, scored:
    lpmflow predict a.jpg b.jpg --keypoints PairAnnotation/test/000001-a-b:cat.json --matches m.png

  Many pairs; run it again to go on where it stopped:
    lpmflow predict --pairs pairs.csv --output-dir results --format flo --format matches.jpg

In PNG and WebP warps, pixels whose match lies outside the target are transparent; in JPEG, grey.
The confidence is exp(-(d / 0.05)^2), where d is the distance from a pixel to the end of its round trip
to the target and back, as a part of the source's longer side; 0 where the match lies outside the target.";

/// The flags of `predict`.
#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "lpmflow predict [OPTIONS] <SOURCE> <TARGET>\n       lpmflow predict [OPTIONS] --pairs <LIST> --output-dir <DIR>",
    after_long_help = EXAMPLES
)]
pub struct PredictArguments {
    /// The photo whose pixels are matched
    #[arg(value_name = "SOURCE", required_unless_present = "pairs")]
    pub source: Option<PathBuf>,
    /// The photo in which their counterparts are found
    #[arg(value_name = "TARGET", required_unless_present = "pairs")]
    pub target: Option<PathBuf>,
    /// Write the flow; repeat for several formats
    ///
    /// The ending decides: .png, .jpg, .webp colour wheel (Middlebury's, full colours at the 99th
    /// percentile of the magnitude); .flo Middlebury; .npy float32 [2, H, W]; .npz with `flow` and
    /// `confidence`; .pfm (x, y, 0); .kitti.png 16-bit KITTI.
    #[arg(short, long, value_name = "FILE", conflicts_with = "pairs")]
    pub output: Vec<PathBuf>,
    /// Write the target pulled onto the source (.png, .jpg, .webp)
    #[arg(long, value_name = "FILE", conflicts_with = "pairs")]
    pub warp: Option<PathBuf>,
    /// Write both photos side by side with lines between what corresponds (.png, .jpg, .webp)
    ///
    /// Draws the keypoints if there are any, otherwise the certain points of an even grid.
    #[arg(long, value_name = "FILE", conflicts_with = "pairs")]
    pub matches: Option<PathBuf>,
    /// Write the confidence, 0 to 1, from forward-backward consistency (.png, .jpg, .webp, .npy, .pfm)
    #[arg(long, value_name = "FILE", conflicts_with = "pairs")]
    pub confidence: Option<PathBuf>,
    /// Transfer keypoints and print them as JSON: a file, or `-` for standard input
    ///
    /// Either [[x, y], ...] in source pixels, or a SPair-71k pair annotation. If that holds target
    /// keypoints, the result is scored: PCK at 0.05, 0.1 and 0.15 of the target box's longer side.
    #[arg(long, value_name = "FILE", conflicts_with = "pairs")]
    pub keypoints: Option<PathBuf>,
    /// The pixels that flows and confidences are written in
    #[arg(long, value_enum, default_value_t = FlowSize::Original)]
    pub size: FlowSize,
    /// Print one JSON object that says what was done
    #[arg(long)]
    pub json: bool,
    /// The flags of a list of pairs.
    #[command(flatten)]
    pub list: ListArguments,
    /// Which weights, where and how.
    #[command(flatten)]
    pub model: ModelArguments,
}

/// The flags of a list of pairs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Many pairs")]
pub struct ListArguments {
    /// Instead of SOURCE TARGET: a list of pairs, a file or `-` for standard input
    ///
    /// CSV (two columns, or a header that names `source` and `target`), or one JSON object a line with
    /// `source`, `target` and maybe `name` and `keypoints`. Paths are relative to the list. Prints one
    /// JSON object a pair, in the list's order. A pair that fails is reported and the run goes on (exit
    /// code 1 at the end); pairs that an earlier run finished are skipped.
    #[arg(long, value_name = "LIST", requires = "output_dir", conflicts_with_all = ["source", "target"])]
    pub pairs: Option<PathBuf>,
    /// Where the files go, as NAME.FORMAT; made if it is absent
    #[arg(long, value_name = "DIR", requires = "pairs")]
    pub output_dir: Option<PathBuf>,
    /// What to write of each pair; repeat for several [default: flo]
    ///
    /// flo, npy, npz, pfm, kitti.png, png, jpg, webp (flow), warp.png, matches.jpg, confidence.npy, ...
    #[arg(long, value_name = "FORMAT", requires = "pairs")]
    pub format: Vec<String>,
    /// Pairs that go through the network at once
    #[arg(long, value_name = "N", default_value = "4", requires = "pairs")]
    pub batch_size: NonZeroUsize,
}

/// The pixels that flows and confidences are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FlowSize {
    /// The source photo's, pointing to the target photo's
    Original,
    /// The network's own grid
    Network,
}
