//! Which weights to run: flags of several commands.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::cli::count::count;
use crate::inference::Kernels;
use crate::inference::device::is_device;
use crate::inference::precision::Precision;
use crate::model::architecture::untrained_presets;
use crate::model::input::InputRule;
use crate::model::quality::Quality;
use crate::model::settings::Setting;
use crate::model::weights::choice::Choice;

/// Which weights to run, where and how exactly.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Model options")]
pub(crate) struct ModelArguments {
    /// Weights: a name (of those within the program, in `weights/` or in LPMFLOW_WEIGHTS), a file or a run folder
    #[arg(short, long, value_name = "NAME|FILE", default_value = "lite")]
    pub weights: PathBuf,
    /// Of a checkpoint that holds several dictionaries of weights, the one to take: model, ema, ...
    #[arg(long, value_name = "NAME")]
    pub dictionary: Option<String>,
    /// A backbone as others publish it (DINOv2, DINOv3, DINO, iBOT, ResNet), to go with --head
    #[arg(long, value_name = "FILE", requires = "head", conflicts_with = "weights")]
    pub backbone: Option<PathBuf>,
    /// A head as others publish it (DIY-SC, MARCO, DHPF), for that backbone
    #[arg(long, value_name = "FILE", requires = "backbone")]
    pub head: Option<PathBuf>,
    /// The model to make of a backbone's weights, where not the usual one: SCOT of torchvision's ResNet-101, with its
    /// constants for SPair-71k (scot) or for PF-PASCAL and PF-WILLOW (scot-pf)
    #[arg(long, value_name = "NAME", conflicts_with = "head", value_parser = PossibleValuesParser::new(untrained_presets()))]
    pub model: Option<String>,
    /// Photos are brought to this many pixels a side, where the network takes other sizes than its usual one
    #[arg(long, value_name = "PIXELS", value_parser = count)]
    pub input_size: Option<NonZeroUsize>,
    /// How photos are brought to it, where not as the network usually has it
    #[arg(long, value_enum, value_name = "RULE")]
    pub input_rule: Option<InputRule>,
    /// How much work is put into a pair, of models with the matcher consensus, as lite is
    #[arg(long, value_enum, value_name = "QUALITY")]
    pub quality: Option<Quality>,
    /// A setting of the model, by its name in the configuration that reports and exported files hold:
    /// matcher.kind=nearest, backbone.output.block=9, backbone.hyperpixel=[13]; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub settings: Vec<Setting>,
    /// Where to compute: auto, cpu, cuda or cuda:N
    #[arg(long, env = "LPMFLOW_DEVICE", default_value = "auto", value_parser = device)]
    pub device: String,
    /// Number format of the network
    #[arg(long, env = "LPMFLOW_PRECISION", value_enum, default_value_t = Precision::Float32)]
    pub precision: Precision,
    /// On a GPU, whose kernels run; which of ours were seen right and fast on which GPU is in README
    #[arg(long, env = "LPMFLOW_KERNELS", value_enum, default_value_t = Kernels::Libtorch)]
    pub kernels: Kernels,
    /// On a GPU, launch the forward pass as one CUDA graph where one pair is matched at a time
    #[arg(long, env = "LPMFLOW_CUDA_GRAPH")]
    pub cuda_graph: bool,
}

/// The name of a device, whether it is there or not.
pub(super) fn device(text: &str) -> Result<String, String> {
    match is_device(text) {
        true => Ok(text.to_owned()),
        false => Err("use auto, cpu, cuda or cuda:N".to_owned()),
    }
}

impl ModelArguments {
    /// The weights that the flags name.
    pub(crate) fn choice(&self) -> Choice {
        Choice {
            weights: self.backbone.as_ref().unwrap_or(&self.weights).clone(),
            dictionary: self.dictionary.clone(),
            head: self.head.clone(),
            model: self.model.clone(),
            input_size: self.input_size.map(NonZeroUsize::get),
            input_rule: self.input_rule,
            quality: self.quality,
            settings: self.settings.clone(),
        }
    }
}
