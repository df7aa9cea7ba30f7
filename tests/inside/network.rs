//! The network as a whole, in a size for tests: precision, batches, configuration, ablations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clap::ValueEnum;
use tch::{Device, Kind, Tensor};

use crate::model::Model;
use crate::model::architecture::{preset, presets};
use crate::model::config::ModelConfig;
use crate::model::features::Role;
use crate::model::matcher::lpmflow::LpmFlow;
use crate::model::matcher::lpmflow::config::{Ablation, LpmFlowConfig};
use crate::model::part::Chosen;
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

/// A freshly initialised model with the values of its variables by name.
fn build(config: &ModelConfig) -> (Model, BTreeMap<String, Tensor>) {
    let path = VarBuilder::fresh(Device::Cpu);
    let model = Model::new(&path, config).unwrap();
    let values = path.finish().0.into_iter().map(|variable| (variable.name, variable.tensor));
    (model, values.collect())
}

fn images(count: i64) -> Tensor {
    Tensor::randn([count, 3, 128, 128], (Kind::Float, Device::Cpu))
}

fn flow(model: &Model, source: &Tensor, target: &Tensor) -> Tensor {
    tch::no_grad(|| {
        model.flow(&model.features(source, Role::Source), &model.features(target, Role::Target))
    })
}

fn ablated(part: Ablation) -> ModelConfig {
    let mut config = ModelConfig::tiny();
    let ablations = vec![part];
    config.matcher = Chosen::of(Arc::new(LpmFlowConfig { ablations, ..LpmFlowConfig::tiny() }));
    config
}

#[test]
fn a_batch_gives_the_flows_of_its_pairs() {
    let (model, _) = build(&ModelConfig::tiny());
    let (source, target) = (images(3), images(6).narrow(0, 3, 3));
    let together = flow(&model, &source, &target);
    assert_eq!(together.size(), [3, 2, 32, 32]);
    for index in 0..3 {
        let alone = flow(&model, &source.narrow(0, index, 1), &target.narrow(0, index, 1));
        let difference = (together.narrow(0, index, 1) - alone).abs().max().double_value(&[]);
        assert!(difference < 1e-3, "pair {index} differs by {difference}");
    }
}

#[test]
fn sixteen_bit_precision_stays_near_the_flow_of_thirty_two() {
    let (source, target) = (images(1), images(2).narrow(0, 1, 1));
    let (model, values) = build(&ModelConfig::tiny());
    let single = flow(&model, &source, &target);
    let path = VarBuilder::stored(values, Device::Cpu).in_kind(Kind::BFloat16);
    let brain = flow(&Model::new(&path, &ModelConfig::tiny()).unwrap(), &source, &target);
    assert_eq!(brain.kind(), Kind::Float);
    let difference = (&single - brain).abs().mean(None).double_value(&[]);
    assert!(difference > 0.0 && difference < 0.5, "mean difference {difference} pixels");
}

#[test]
fn configuration_survives_json_and_refuses_unknown_keys() {
    for name in presets() {
        let config = preset(name).unwrap();
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ModelConfig>(&json).unwrap(), config);
    }
    let wrong =
        serde_json::to_string(&ModelConfig::tiny()).unwrap().replace("\"heads\"", "\"hats\"");
    assert!(serde_json::from_str::<ModelConfig>(&wrong).unwrap_err().to_string().contains("hats"));
}

/// The parts of the network each switch removes, as prefixes of variable names; `None` where it only
/// changes how the rest works together or trains.
fn removed_by(part: Ablation) -> Option<&'static [&'static str]> {
    match part {
        Ablation::Larl => Some(&["encoder."]),
        Ablation::Pfsr => Some(&["SRBranch_feat.", "decoder_s2.", "decoder_s3."]),
        Ablation::Mmfi => Some(&["SRBranches.", "refine_proj_query_feat."]),
        Ablation::InteractiveSr => Some(&["decoder_s2."]),
        Ablation::InternalSr => Some(&["SRBranch_feat."]),
        Ablation::Refine16 => Some(&["SRBranches.refine_swin_decoder_16."]),
        Ablation::Refine4 => Some(&["SRBranches.refine_swin_decoder_4."]),
        Ablation::ContrastiveLoss => Some(&["pos_embed_src"]),
        Ablation::SrBlock => Some(&[
            "SRBranch_feat.refine_swin_decoder_1_1.0.",
            "SRBranch_feat.refine_swin_decoder_1_2.0.",
        ]),
        Ablation::GradualGuidance | Ablation::RegionPositionEncoding | Ablation::MultiScale => None,
    }
}

#[test]
fn each_ablation_removes_its_part_and_nothing_else() {
    let (full, values) = build(&ModelConfig::tiny());
    let all: BTreeSet<String> = values.into_keys().collect();
    let (source, target) = (images(1), images(2).narrow(0, 1, 1));
    let full_flow = flow(&full, &source, &target);
    for &part in Ablation::value_variants() {
        let (model, values) = build(&ablated(part));
        let names: BTreeSet<String> = values.into_keys().collect();
        assert!(names.is_subset(&all), "{part:?} adds variables");
        let removed: Vec<&String> = all.difference(&names).collect();
        match removed_by(part) {
            Some(prefixes) => {
                let wanted: Vec<&String> = all
                    .iter()
                    .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
                    .collect();
                assert_eq!(removed, wanted, "{part:?}");
            }
            None if part == Ablation::RegionPositionEncoding => {
                assert_eq!(removed.len(), 2);
                assert!(
                    removed
                        .iter()
                        .all(|name| name.starts_with("encoder.") && name.ends_with("bias_table"))
                );
            }
            None => assert!(removed.is_empty(), "{part:?} removes {removed:?}"),
        }
        let flow = flow(&model, &source, &target);
        assert_eq!(flow.size(), full_flow.size(), "{part:?}");
        assert!(bool::try_from(flow.isfinite().all()).unwrap(), "{part:?}");
    }
}

#[test]
fn without_integration_the_result_is_the_finest_flow() {
    let (model, _) = build(&ablated(Ablation::Mmfi));
    let flow = flow(&model, &images(1), &images(2).narrow(0, 1, 1));
    // Nearest enlarging by four: all cells of a block are equal.
    let blocks = flow.view([1, 2, 8, 4, 8, 4]);
    assert_eq!(blocks.amax([3, 5], false), blocks.amin([3, 5], false));
}

/// What each stage of a pass of the matcher gives, by the names of the reference numbers.
fn stages(model: &Model, source: &Tensor, target: &Tensor) -> BTreeMap<String, Tensor> {
    let matcher: &LpmFlow = model.matcher().as_any().downcast_ref().unwrap();
    let mut stages = BTreeMap::new();
    tch::no_grad(|| {
        let [source, target] = [source, target]
            .map(|images| model.features(images, Role::Source).last().tokens.shallow_clone());
        let mut keep = |name: &str, value: &Tensor| {
            stages.insert(name.to_owned(), value.copy());
        };
        let flow = matcher.forward_observed(&source, &target, &mut keep);
        stages.insert("flow".to_owned(), flow);
    });
    stages
}

/// The stages that a switch leaves as they are and those it takes away, as beginnings of names; all
/// others change.
fn stages_kept_and_removed(part: Ablation) -> (&'static [&'static str], &'static [&'static str]) {
    const ALL: &[&str] = &[""];
    const COARSE: &[&str] = &["encoder", "decoder_s1", "flow_11"];
    match part {
        Ablation::Larl | Ablation::RegionPositionEncoding => (&[], &[]),
        Ablation::Pfsr => (COARSE, &["upsample", "decoder_s2", "decoder_s3"]),
        Ablation::Mmfi => (
            &["encoder", "decoder", "upsample", "flow_22"],
            &["flow_11", "flow_12", "flow_21", "flow_residual", "query_proj", "refine"],
        ),
        // They change the training alone.
        Ablation::GradualGuidance | Ablation::ContrastiveLoss => (ALL, &[]),
        Ablation::InteractiveSr => (
            &["encoder", "decoder_s1", "flow_11", "upsample.0", "upsample.1"],
            &["decoder_s2", "upsample.2", "upsample.3"],
        ),
        Ablation::InternalSr | Ablation::SrBlock => {
            (&["encoder", "decoder_s1", "flow_11", "decoder_s2.1.trg"], &[])
        }
        Ablation::MultiScale => (
            &["encoder", "decoder", "upsample", "flow_22", "query_proj"],
            &["flow_11", "flow_12", "flow_21"],
        ),
        Ablation::Refine16 => (
            &["encoder", "decoder", "upsample", "flow_11", "flow_12", "flow_2", "query_proj"],
            &["refine_16"],
        ),
        Ablation::Refine4 => (
            &[
                "encoder",
                "decoder",
                "upsample",
                "flow_11",
                "flow_12",
                "flow_2",
                "query_proj",
                "refine_16",
                "refine_8",
            ],
            &["refine_4"],
        ),
    }
}

#[test]
fn each_ablation_leaves_the_stages_before_its_part_as_they_are() {
    let (full, values) = build(&ModelConfig::tiny());
    let (source, target) = (images(1), images(2).narrow(0, 1, 1));
    let wanted = stages(&full, &source, &target);
    assert_eq!(wanted.len(), 27, "{:?}", wanted.keys());
    for &part in Ablation::value_variants() {
        // The variables that both have, with the same values.
        let copies = values.iter().map(|(name, value)| (name.clone(), value.copy())).collect();
        let model = Model::new(&VarBuilder::stored(copies, Device::Cpu), &ablated(part)).unwrap();
        let found = stages(&model, &source, &target);
        let (kept, removed) = stages_kept_and_removed(part);
        let among = |name: &str, list: &[&str]| list.iter().any(|start| name.starts_with(start));
        for (name, wanted) in &wanted {
            match found.get(name) {
                None => assert!(among(name, removed), "{part:?} removes {name}"),
                Some(value) => {
                    assert!(!among(name, removed), "{part:?} does not remove {name}");
                    assert_eq!(value == wanted, among(name, kept), "{part:?}, stage {name}");
                }
            }
        }
        assert!(found.keys().all(|name| wanted.contains_key(name)), "{part:?} adds a stage");
    }
}

#[test]
fn without_super_resolution_every_scale_sees_the_coarse_correlation() {
    let (model, _) = build(&ablated(Ablation::Pfsr));
    let found = stages(&model, &images(1), &images(2).narrow(0, 1, 1));
    for name in ["flow_12", "flow_21", "flow_22"] {
        assert_eq!(found[name], found["flow_11"]);
    }
}

#[test]
fn tokens_are_masked_in_training_unless_the_contrast_is_left_out() {
    for &part in Ablation::value_variants() {
        let (model, _) = build(&ablated(part));
        let [source, target] = [(); 2].map(|()| model.features(&images(1), Role::Source));
        let ranks = Tensor::from_slice2(&[[1i64]]);
        let output =
            model.matcher().forward_train(&source, &target, Some(&ranks), &Recompute::plain());
        assert_eq!(output.masked.is_some(), part != Ablation::ContrastiveLoss, "{part:?}");
    }
}
