//! `lpmflow train`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, value_parser};

use crate::cli::ExifRule;
use crate::cli::count::{count, processes, rate};
use crate::cli::model::device;
use crate::inference::precision::Precision;
use crate::model::architecture::learned_presets;
use crate::model::matcher::lpmflow::config::Ablation;
use crate::model::settings::Setting;
use crate::processes::buckets::Transfer;

const EXAMPLES: &str = "\
Examples:
  The paper's training on SPair-71k, from an iBOT backbone:
    lpmflow train --dataset spair71k --data-root data --init checkpoint_teacher.pth --output runs/paper

  The paper's matcher on another backbone, which stays as it is:
    lpmflow train --dataset spair71k --data-root data --backbone dinov2_vitb14_pretrain.pth \
        --freeze-backbone --output runs/dinov2

  The default weights further, on any folder of photos, no annotation needed:
    lpmflow train --photos holiday-photos --output runs/holiday

  The default weights further, on your own photos with the keypoints of an annotation tool (COCO's format):
    lpmflow train --dataset coco-keypoints --data-root my-photos --model lite --init lite --output runs/mine

  Go on after Ctrl-C, a crash or a power cut, with the run's own settings:
    lpmflow train --resume runs/paper

  How a run is doing that another terminal or a job trains, and how it compares with an earlier one:
    lpmflow train --report runs/mine --beside runs/earlier

The run folder holds config.toml (every setting; a good start for a --config of your own),
metrics.jsonl, run.html (the run on one page), pictures/ (what was found of four validation pairs),
TensorBoard's event files with both, last.safetensors with its moments-STEP.safetensors (for --resume), and
best.safetensors (by validation, with what it began with among the candidates; for --weights). Ctrl-C saves and stops, twice stops at once.";

/// Epochs and steps that anyone could mean.
const MOST: u64 = 1_000_000_000;

/// The flags of `train`. Settings that are not given come from --config, else from the paper.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct TrainArguments {
    /// The run folder; made if it is absent
    #[arg(short, long, value_name = "DIR", required_unless_present_any = ["resume", "report"])]
    pub output: Option<PathBuf>,
    /// Go on with the run in this folder, with its own settings
    ///
    /// Only --epochs, --data-root, --datasets, --photos and --skip-bad may differ from them. On the same machine
    /// and with the same number of threads the result is the same to the bit as without interruption.
    /// What would contradict the steps that are done is refused: another number of epochs under a cosine,
    /// a changed config.toml, other photos or annotations.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "config"])]
    pub resume: Option<PathBuf>,
    /// With --resume: go on although what is done would have been done differently, and let flags change
    /// the run's settings
    #[arg(long, requires = "resume")]
    pub allow_changes: bool,
    /// Show loss and validation as curves of text while the run goes on
    #[arg(long)]
    pub watch: bool,
    /// Train nothing: show the curves of the run in this folder, which may be under way, and write its page (run.html)
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "resume", "config", "watch"])]
    pub report: Option<PathBuf>,
    /// Another run, whose curves and settings the run's page shows beside its own; repeatable
    #[arg(long, value_name = "DIR")]
    pub beside: Vec<PathBuf>,
    /// Settings from a file; flags and environment come before it
    #[arg(short, long, env = "LPMFLOW_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to train on.
    #[command(flatten)]
    pub data: DataArguments,
    /// What to train.
    #[command(flatten)]
    pub model: TrainedModelArguments,
    /// How to train.
    #[command(flatten)]
    pub recipe: RecipeArguments,
    /// Start this many processes on this machine that train together, each on its own GPU or its share of the
    /// processors
    ///
    /// N processes with batches of B make the steps of one with batches of N x B (but for NC-Net's loss, which compares
    /// the pairs of one process's batch), and go on with each other's runs. Under a launcher that sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, as torchrun, processes join without
    /// this flag, over any number of machines.
    #[arg(long, value_name = "N", value_parser = processes)]
    pub processes: Option<NonZeroUsize>,
    /// Where to compute: auto, cpu, cuda or cuda:N
    #[arg(long, env = "LPMFLOW_DEVICE", default_value = "auto", value_parser = device)]
    pub device: String,
    /// Number format of the network: float32, tf32, or bfloat16 for mixed precision (products in 16 bits,
    /// weights and sums in 32)
    #[arg(long, env = "LPMFLOW_PRECISION", value_enum, default_value_t = Precision::Float32)]
    pub precision: Precision,
}

/// What to train on.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataArguments {
    /// The dataset's name; its `trn` split is trained on, its `val` split validates
    #[arg(short, long, env = "LPMFLOW_DATASET", value_name = "NAME", conflicts_with = "photos")]
    pub dataset: Option<String>,
    /// Instead of a dataset: a folder of plain photos, trained on random warps of them
    #[arg(long, value_name = "DIR")]
    pub photos: Option<PathBuf>,
    /// The folder that holds the datasets' folders [default: data]
    #[arg(long, env = "LPMFLOW_DATA_ROOT", value_name = "DIR")]
    pub data_root: Option<PathBuf>,
    /// A list of datasets of your own instead of the one inside this program
    #[arg(long, env = "LPMFLOW_DATASETS", value_name = "FILE")]
    pub datasets: Option<PathBuf>,
    /// What is done about the photos' EXIF orientation [default: ignore with --dataset, apply with --photos]
    ///
    /// Annotations count in the pixels as they are stored, unless the dataset says otherwise; plain photos are
    /// trained on as `predict` will see them.
    #[arg(long, value_enum, value_name = "RULE")]
    pub exif: Option<ExifRule>,
    /// Validate with this many pairs, spread over the split; 0 for all, of plain photos at least 32 [default: 0]
    #[arg(long, env = "LPMFLOW_VALIDATION_PAIRS", value_name = "N")]
    pub validation_pairs: Option<usize>,
    /// Leave out pairs that cannot be used and photos that cannot be decoded, instead of stopping
    ///
    /// Every photo is decoded once before the training begins; what is left out is named, and listed in the
    /// run folder (left_out.json), so that a run that goes on leaves out the same. May be given with --resume
    /// to a run that stopped at such a photo; the rest of its epoch then has another order.
    #[arg(long)]
    pub skip_bad: bool,
}

/// What to train.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Model")]
pub(crate) struct TrainedModelArguments {
    /// The model to train, by its name
    #[arg(short, long, env = "LPMFLOW_MODEL", value_name = "PRESET", help = models())]
    pub model: Option<String>,
    /// Weights to begin with: a name, a file or a run folder
    ///
    /// A whole model is trained further; from `zero-shot` or an iBOT checkpoint the backbone is taken.
    /// [default: random values; `lite` with --photos and without --model]
    #[arg(short, long, env = "LPMFLOW_INIT", value_name = "NAME|FILE", group = "begins_with")]
    pub init: Option<PathBuf>,
    /// A backbone for the model instead of its own, as others publish it (DINOv2, DINOv3, DINO, iBOT, ResNet)
    ///
    /// The grid of features stays, so that photos are brought to another size; widths follow. The rest begins with
    /// random values.
    #[arg(long, value_name = "FILE", group = "begins_with")]
    pub backbone: Option<PathBuf>,
    /// Photos are brought to this many pixels a side, where the model takes other sizes than its usual one
    #[arg(long, value_name = "PIXELS", value_parser = count)]
    pub input_size: Option<NonZeroUsize>,
    /// Of a checkpoint given to --init or --backbone that holds several dictionaries of weights, the one to take
    #[arg(long, value_name = "NAME", requires = "begins_with")]
    pub dictionary: Option<String>,
    /// A setting of the model, by its name in the configuration that reports and exported files hold, as
    /// 'matcher.levels=["block-9","block-11"]'; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub settings: Vec<Setting>,
    /// Parts of the network or its training to leave out
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME,...")]
    pub ablate: Vec<Ablation>,
}

/// The help of --model.
fn models() -> String {
    let mut names: Vec<&str> = learned_presets().collect();
    let last = names.pop().unwrap_or_default();
    format!("{} or {last} [default: the model of --init, or base]", names.join(", "))
}

/// How to train.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Recipe")]
pub(crate) struct RecipeArguments {
    /// How often every training pair is seen [default: 10; with --photos, see --steps]
    #[arg(short, long, env = "LPMFLOW_EPOCHS", value_name = "N", value_parser = value_parser!(u64).range(1..=MOST))]
    pub epochs: Option<u64>,
    /// Instead of --epochs: optimizer steps in all, rounded up to whole epochs; small sets are gone through
    /// as often as that takes [default with --photos: 100]
    #[arg(
        long,
        env = "LPMFLOW_STEPS",
        value_name = "N",
        conflicts_with = "epochs",
        value_parser = value_parser!(u64).range(1..=MOST)
    )]
    pub steps: Option<u64>,
    /// Pairs per batch, of each process [default: 32; 8 with --photos and `lite`]
    #[arg(short, long, env = "LPMFLOW_BATCH_SIZE", value_name = "N", value_parser = count)]
    pub batch_size: Option<NonZeroUsize>,
    /// Batches whose gradients are added up before each step [default: 1]
    #[arg(long, env = "LPMFLOW_ACCUMULATE", value_name = "N", value_parser = count)]
    pub accumulate: Option<NonZeroUsize>,
    /// The numbers in which gradients go from process to process [default: float32]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub gradient_transfer: Option<Transfer>,
    /// Compute values inside the network again in the backward pass instead of keeping them: less memory,
    /// more time, the same result
    #[arg(long)]
    pub checkpoint_activations: bool,
    /// Learning rate of everything but the backbone [default: 4e-5; 1e-4 with --photos and `lite`]
    #[arg(short, long, env = "LPMFLOW_LEARNING_RATE", value_name = "RATE", value_parser = rate)]
    pub learning_rate: Option<f64>,
    /// Learning rate of the backbone [default: 3e-6; 1.5e-5 with --photos and `lite`]
    #[arg(long, env = "LPMFLOW_BACKBONE_RATE", value_name = "RATE", value_parser = rate)]
    pub backbone_rate: Option<f64>,
    /// Leave the backbone as it is; the same as --backbone-rate 0
    #[arg(long, conflicts_with = "backbone_rate")]
    pub freeze_backbone: bool,
    /// Photos as they are: no random colours and crops
    #[arg(long)]
    pub no_augmentation: bool,
    /// Everything random follows from this number [default: 47]
    #[arg(short, long, env = "LPMFLOW_SEED", value_name = "N")]
    pub seed: Option<u64>,
    /// Optimizer steps from one checkpoint to the next [default: 500, and after every epoch]
    #[arg(long, env = "LPMFLOW_CHECKPOINT_EVERY", value_name = "STEPS", value_parser = value_parser!(u64).range(1..))]
    pub checkpoint_every: Option<u64>,
}
