//! `lpmflow predict`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, ValueEnum, value_parser,
};

use crate::cli::count::{count, processes};
use crate::cli::drawing::DrawingArguments;
use crate::cli::{ExifRule, ModelArguments};
use crate::data::lists::points::point_of_text;
use crate::geometry::Point;
use crate::predict::product::Kind;
use crate::predict::product::list::PRODUCTS;
use crate::processes::shards::Shard;

/// What is written of each pair of a list where nothing is named.
pub(crate) const DEFAULT_FORMAT: &str = "flo";

/// What is written of one pair where nothing is named.
pub(crate) const DEFAULT_VIEW: &str = "view.html";

const EXAMPLES: &str = "\
Examples:
  A page, view.html, in which you point at one photo and see the other:
    lpmflow predict cat.jpg other-cat.jpg

  A picture of the flow, the target pulled onto the source, and the matches drawn:
    lpmflow predict cat.jpg other-cat.jpg -o flow.png --warp warp.png --matches matches.png

  The flow for other programs, in source pixels, pointing to target pixels:
    lpmflow predict cat.jpg other-cat.jpg -o flow.flo -o flow.npz

  Where points of the first photo lie in the second:
    lpmflow predict cat.jpg other-cat.jpg --point 120,80 --point 160,85
    echo '[[120, 80], [160, 85], [140.5, 118]]' | lpmflow predict cat.jpg other-cat.jpg --keypoints -

  A SPair-71k pair, scored:
    lpmflow predict a.jpg b.jpg --keypoints PairAnnotation/test/000001-a-b:cat.json --matches m.png

  What is drawn on one photo, carried across to the other: labels, a sticker, polygons of a COCO file:
    lpmflow predict cat.jpg other-cat.jpg --transfer parts.png -o other-parts.png

  One photo with a whole folder, ranked by how well each matches, a page for each:
    lpmflow predict cat.jpg photos/ --output-dir results

  Twenty labelled photos label a thousand: each is labelled by the one that matches it best:
    lpmflow predict labelled/ photos/ --best-source --transfer masks/ --output-dir results

  Points of the first frame of a film in all others:
    lpmflow predict --frames frames/ --point 120,80 --point 160,85

  Many pairs; run it again to go on where it stopped:
    lpmflow predict --pairs pairs.csv --output-dir results --format flo --format matches.jpg

A file may be `-`: it goes to stdout in the first of its formats, and other results to stderr. Links are
followed; devices and FIFOs are written as they are. Files that would overwrite an input or one another
are refused.

The confidence of `lite` and `zero-shot` is calibrated: the probability that the match lies within a tenth of
the object's size from the truth (weights/README.md shows how well). Of other weights it is exp(-(d / 0.05)^2),
where d is the distance from a pixel to the end of its round trip to the target and back, as a part of the
source's longer side. It is 0 where the match lies outside the target.";

/// The flags of `predict`.
#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "lpmflow predict [OPTIONS] <SOURCE> <TARGET>\n       \
                      lpmflow predict [OPTIONS] <SOURCE> <TARGET>... --output-dir <DIR>\n       \
                      lpmflow predict [OPTIONS] --pairs <LIST> --output-dir <DIR>\n       \
                      lpmflow predict [OPTIONS] --frames <DIR>",
    after_long_help = EXAMPLES
)]
pub(crate) struct PredictArguments {
    /// The photo whose pixels are matched; several as a folder or a quoted pattern
    #[arg(value_name = "SOURCE", required_unless_present_any = ["pairs", "frames"])]
    pub source: Option<PathBuf>,
    /// The photo in which their counterparts are found; several by their names, as folders or as patterns
    #[arg(value_name = "TARGET", required_unless_present_any = ["pairs", "frames"])]
    pub target: Vec<PathBuf>,
    /// The files to write.
    #[command(flatten)]
    pub files: FileArguments,
    /// Transfer keypoints and print them as JSON: a file, or `-` for standard input
    ///
    /// Either [[x, y], ...] in source pixels, `x y` a line, or a SPair-71k pair annotation. If that holds target
    /// keypoints, the result is scored: PCK at 0.05, 0.1 and 0.15 of the target box's longer side.
    #[arg(long, value_name = "FILE", conflicts_with = "pairs")]
    pub keypoints: Option<PathBuf>,
    /// Transfer this position of the source, in its pixels; repeat for several
    #[arg(
        long,
        value_name = "X,Y",
        value_parser = point,
        allow_hyphen_values = true,
        conflicts_with_all = ["pairs", "keypoints"]
    )]
    pub point: Vec<Point>,
    /// Carry across what is drawn on the source: -o writes it as it lies on the target
    ///
    /// A PNG without transparency is a map of labels, which stay as they are (palette, numbers, colours; 0 where
    /// nothing is known) and go to a .png; any other picture is one to be laid on the target, and goes to a .png or
    /// .webp by itself, or to a .jpg with the target beneath; a .json holds COCO's polygons, boxes and keypoints. With
    /// several sources a folder, in which each file has its photo's name, or one .json for all. What lies where the
    /// confidence is below --min-confidence is left out. An -o that ends as only flows do (.flo, .npz, ...) writes the
    /// flow all the same.
    #[arg(long, value_name = "FILE")]
    pub transfer: Option<PathBuf>,
    /// Carry across by uncertain matches too, so that no holes are left
    #[arg(long)]
    pub fill: bool,
    /// The target's own labels, a PNG: says how right those carried across are
    ///
    /// Intersection over union of each label, and Caltech-101's LT-ACC, beside what labels get that stay at the same
    /// place of the photo. 255 in a PNG with a palette is no label.
    #[arg(long, value_name = "FILE", requires = "transfer", conflicts_with_all = ["pairs", "frames"])]
    pub truth: Option<PathBuf>,
    /// Match with the mirrored target: a left side with a right one
    ///
    /// Left and right are exchanged by that, of a face too: the log, the JSON and the page say so. All that is written
    /// counts in the target as it is.
    #[arg(long)]
    pub mirror: bool,
    /// Match with the target turned clockwise by so many degrees; `auto` takes the turn that matches best
    ///
    /// All that is written counts in the target as it is.
    #[arg(long, value_enum, value_name = "DEGREES", default_value_t = Rotation::None, hide_default_value = true)]
    pub rotate: Rotation,
    /// The pixels that flows and confidences are written in
    #[arg(long, value_enum, default_value_t = FlowSize::Original)]
    pub size: FlowSize,
    /// The confidence, 0 to 1, below which a match counts for none [default: 0.15]
    ///
    /// Such pixels are transparent in warps, grey in --colours, invalid in .kitti.png, and not drawn by --matches. Where this flag is
    /// given, they are also unknown in .flo (1e10) and transparent in .png and .webp flows. Other formats hold
    /// the flow everywhere; .npz holds the confidence beside it. With 0, all that lies in the target is shown.
    #[arg(long, value_name = "C", value_parser = confidence)]
    pub min_confidence: Option<f64>,
    /// How many points a list of matches holds at most [default: 1000]
    #[arg(long, value_name = "N", value_parser = count)]
    pub max_matches: Option<NonZeroUsize>,
    /// How pictures are drawn.
    #[command(flatten)]
    pub drawing: DrawingArguments,
    /// What is done about the photos' EXIF orientation; keypoints count in what comes of it
    #[arg(long, value_enum, value_name = "RULE", default_value_t = ExifRule::Apply)]
    pub exif: ExifRule,
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

/// A flag for each product.
#[derive(Clone, Debug)]
pub(crate) struct FileArguments {
    /// What is wanted and where it goes, in the products' order.
    pub named: Vec<(&'static Kind, PathBuf)>,
}

impl Args for FileArguments {
    fn augment_args(command: Command) -> Command {
        PRODUCTS.iter().filter_map(flag).fold(command, Command::arg)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FileArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let paths = |kind: &'static Kind| {
            let paths = kind.flag.and_then(|flag| matches.get_many::<PathBuf>(flag));
            paths.into_iter().flatten().map(move |path| (kind, path.clone()))
        };
        Ok(Self { named: PRODUCTS.iter().flat_map(paths).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The flag of a product, if it has one.
fn flag(kind: &'static Kind) -> Option<Arg> {
    let flag = Arg::new(kind.flag?)
        .long(kind.flag?)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .conflicts_with_all(["pairs", "frames"]);
    let (flag, help) = if kind.main {
        (flag.short('o').action(ArgAction::Append), kind.help.to_owned())
    } else {
        let endings: Vec<String> = kind.formats().map(|ending| format!(".{ending}")).collect();
        (flag.action(ArgAction::Set), format!("{} ({})", kind.help, endings.join(", ")))
    };
    Some(match kind.details {
        Some(details) => flag.long_help(format!("{help}\n\n{details}")).help(help),
        None => flag.help(help),
    })
}

/// What `--format` does.
fn format_help() -> String {
    format!(
        "What to write of each pair; repeat for several [default: {DEFAULT_FORMAT} of lists, view.html of targets, \
         transfer.png or .json with --transfer]"
    )
}

/// What `--format` takes: all formats of the main product, and one of each other.
fn format_examples() -> String {
    let names = |kind: &'static Kind| {
        if kind.main {
            format!("{} ({})", kind.formats().collect::<Vec<_>>().join(", "), kind.name)
        } else {
            kind.in_list(kind.example)
        }
    };
    format!("{}, ...", PRODUCTS.iter().map(names).collect::<Vec<_>>().join(", "))
}

/// The flags of a list of pairs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Many pairs")]
pub(crate) struct ListArguments {
    /// Instead of SOURCE TARGET: a list of pairs, a file or `-` for standard input
    ///
    /// CSV (two columns, or a header that names `source` and `target`), or one JSON object a line with
    /// `source`, `target` and maybe `name` and `keypoints`. Paths are relative to the list. Prints one
    /// JSON object a pair, in the list's order. A pair that fails is reported and the run goes on (exit
    /// code 1 at the end); pairs that an earlier run finished are skipped, if photos, keypoints, weights,
    /// settings, program version and results are still the same.
    #[arg(long, value_name = "LIST", requires = "output_dir", conflicts_with_all = ["source", "target"])]
    pub pairs: Option<PathBuf>,
    /// Instead of SOURCE TARGET: the frames of a film, a folder or a list with one a line
    ///
    /// The first is the source, every other one a target: what is marked in the first is found in each, without drift.
    #[arg(long, value_name = "DIR|LIST", conflicts_with_all = ["source", "target", "pairs"])]
    pub frames: Option<PathBuf>,
    /// Of several sources, take for each target the one that matches it best
    #[arg(long, conflicts_with_all = ["pairs", "frames"])]
    pub best_source: bool,
    /// Where the files go, as NAME.FORMAT; made if it is absent
    ///
    /// With view.html among the formats it also gets index.html, a page of all pairs with small pictures, the best
    /// match first, that leads to each pair's page and files and says which failed.
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// What to write of each pair.
    #[arg(
        long,
        value_name = "FORMAT",
        requires = "output_dir",
        help = format_help(),
        long_help = format!("{}\n\n{}", format_help(), format_examples())
    )]
    pub format: Vec<String>,
    /// With --pairs: only a part of the list, number I (from 0) of N
    ///
    /// For engines that start independent jobs: the parts write into one folder without getting in each other's way, and
    /// their lines of output one after the other are those of the whole list. The page index.html needs the whole list:
    /// run it once more without this flag, which does nothing twice.
    #[arg(long, value_name = "I/N", requires = "pairs")]
    pub shard: Option<Shard>,
    /// With --pairs: start this many processes on this machine that share the list, no more than it has pairs, each on
    /// its own GPU or its share of the processors
    #[arg(long, value_name = "N", value_parser = processes, requires = "pairs")]
    pub processes: Option<NonZeroUsize>,
    /// Pairs that go through the network at once
    #[arg(long, value_name = "N", default_value = "4", value_parser = count)]
    pub batch_size: NonZeroUsize,
}

/// A position.
fn point(text: &str) -> Result<Point, String> {
    point_of_text(text).ok_or_else(|| "a point is two numbers, as 60,30".to_owned())
}

/// A number of 0 to 1.
fn confidence(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "a confidence is a number of 0 to 1".to_owned())
}

/// How a target is turned, clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rotation {
    /// Not at all
    #[value(name = "0")]
    None,
    /// To the right
    #[value(name = "90")]
    Right,
    /// Upside down
    #[value(name = "180")]
    UpsideDown,
    /// To the left
    #[value(name = "270")]
    Left,
    /// As it matches best
    Auto,
}

impl Rotation {
    /// By how many right angles; several are tried.
    pub(crate) fn quarters(self) -> &'static [u8] {
        match self {
            Self::None => &[0],
            Self::Right => &[1],
            Self::UpsideDown => &[2],
            Self::Left => &[3],
            Self::Auto => &[0, 1, 2, 3],
        }
    }
}

/// The pixels that flows and confidences are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FlowSize {
    /// The source photo's, pointing to the target photo's
    Original,
    /// The network's own grid
    Network,
}
