//! The names in files that others publish: the authors' LPMFlow checkpoints, and iBOT's backbone.

/// Where the backbone's variables stand in every model.
pub const BACKBONE: &str = "feature_extraction.backbone.";

/// Where the authors publish their weights, and how to use them here.
pub const WHERE_TO_GET_BASE: &str = "the authors of LPMFlow publish their weights by a link in the README of \
     https://github.com/YXSUNMADMAX/LPMFlow; give the downloaded folder or its `model_best.pth` to \
     `--weights`, or convert it once: `lpmflow export --weights FOLDER -o weights/base.safetensors`";

/// Whose form a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A whole model, as the authors' training saves it.
    Authors,
    /// The backbone alone, as iBOT's pretraining saves it.
    Ibot,
}

/// How a file's names lead to the model's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Naming {
    /// Whose form it is.
    pub layout: Layout,
    /// The dictionary that holds the weights, with its dot; empty where they stand at the top.
    prefix: &'static str,
}

impl Naming {
    /// Recognises a file by its names; `None` if it is of neither form.
    pub fn recognise(names: &[&str]) -> Option<Self> {
        let within = |prefix: &str| names.iter().any(|name| name.starts_with(prefix));
        let prefix = ["state_dict.", "teacher."].into_iter().find(|p| within(p)).unwrap_or("");
        let has = |wanted: &str| {
            names.iter().any(|name| inner(name, prefix).is_some_and(|name| name == wanted))
        };
        let patches = "patch_embed.proj.weight";
        let layout = if has(&format!("{BACKBONE}{patches}")) {
            Layout::Authors
        } else if has(patches) || has(&format!("backbone.{patches}")) {
            Layout::Ibot
        } else {
            return None;
        };
        Some(Self { layout, prefix })
    }

    /// The model's name for a tensor of the file; `None` for what is no weight, as optimizer state.
    pub fn rename(&self, name: &str) -> Option<String> {
        let name = inner(name, self.prefix)?;
        Some(match self.layout {
            Layout::Authors => name.to_owned(),
            Layout::Ibot => format!("{BACKBONE}{}", name.strip_prefix("backbone.").unwrap_or(name)),
        })
    }
}

fn inner<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let name = name.strip_prefix(prefix)?;
    Some(name.strip_prefix("module.").unwrap_or(name))
}

/// Whether a name stands in released files, but the network never reads it.
pub fn is_unused(name: &str) -> bool {
    let segments: Vec<&str> = name.split('.').collect();
    match segments.as_slice() {
        ["masked_tokens"] => true,
        ["encoder", "cls_token" | "pos_embed"] | ["encoder", "patch_embed", ..] => true,
        ["encoder", "blocks", _, "spatial_attention", "weight"] => true,
        ["decoder_s1" | "decoder_s2" | "decoder_s3", .., "norm3" | "norm4", _] => true,
        // Computed from the window's size, not learned.
        [.., "relative_position_index"] => true,
        // iBOT's own head and mask token.
        ["feature_extraction", "backbone", "head", ..] => true,
        ["feature_extraction", "backbone", "masked_embed"] => true,
        _ => false,
    }
}
