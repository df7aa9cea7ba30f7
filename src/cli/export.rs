//! `lpmflow export`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::count::count;
use crate::model::input::InputRule;
use crate::model::quality::Quality;
use crate::model::settings::Setting;
use crate::model::weights::save::Storage;

/// What to export, and as what.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lpmflow export --weights model_best.pth -o base.safetensors --verify
  lpmflow export --weights base.safetensors -o base.pt --verify
  lpmflow export --weights checkpoint_teacher.pth --model base -o start.safetensors
  lpmflow export --weights dinov2_vitb14_pretrain.pth --head best.pth -o diy-sc.safetensors
  lpmflow export --weights dinov2_vitl14_reg4_pretrain.pth --head marco_release.pth -o marco.safetensors")]
pub(crate) struct ExportArguments {
    /// Weights: a name (of those within the program, in `weights/` or in LPMFLOW_WEIGHTS), a file, also a PyTorch
    /// checkpoint of LPMFlow, DINO, iBOT, DINOv2, DINOv3 or ResNet, or a run folder
    #[arg(short, long, value_name = "NAME|FILE")]
    pub weights: PathBuf,
    /// Of a checkpoint that holds several dictionaries of weights, the one to take: model, ema, ...
    #[arg(long, value_name = "NAME")]
    pub dictionary: Option<String>,
    /// A head as others publish it, for these weights of a backbone: both are joined into one file
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    pub head: Option<PathBuf>,
    /// Photos are brought to this many pixels a side, where the network takes other sizes than its usual one
    #[arg(long, value_name = "PIXELS", value_parser = count, conflicts_with = "model")]
    pub input_size: Option<NonZeroUsize>,
    /// How photos are brought to it, where not as the network usually has it
    #[arg(long, value_enum, value_name = "RULE", conflicts_with = "model")]
    pub input_rule: Option<InputRule>,
    /// How much work is put into a pair, of models with the matcher consensus, as lite is
    #[arg(long, value_enum, value_name = "QUALITY", conflicts_with = "model")]
    pub quality: Option<Quality>,
    /// A setting of the model, by its name in the configuration that reports and exported files hold:
    /// matcher.kind=nearest, backbone.output.block=9, backbone.hyperpixel=[13]; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE", conflicts_with = "model")]
    pub settings: Vec<Setting>,
    /// The file to write; `-` for stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// What to write (default: as the file's extension says, .safetensors or .pt)
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// What safetensors store and TorchScript computes in
    #[arg(long, value_enum, default_value_t = Storage::Float32)]
    pub precision: Storage,
    /// Build this model of the weights: base makes a complete model of an iBOT backbone, to be trained
    #[arg(long, value_name = "PRESET")]
    pub model: Option<String>,
    /// Load the written file, compare its results with the original's, and fail if they differ
    #[arg(long)]
    pub verify: bool,
}

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Weights and configuration, for this tool and readers of safetensors
    Safetensors,
    /// The network with its weights, for PyTorch and C++
    #[value(name = "torchscript")]
    TorchScript,
}
