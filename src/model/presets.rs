//! Models of our own and of the paper, ready to be built.

use std::sync::Arc;

use crate::model::backbone::efficientnet::{EfficientNetConfig, Variant};
use crate::model::backbone::resnet::config::{ResNetConfig, SeenBy, Stem};
use crate::model::backbone::twins::TwinsConfig;
use crate::model::backbone::vit::VitConfig;
use crate::model::config::ModelConfig;
use crate::model::head::adapter::AdapterConfig;
use crate::model::input::{ImageShape, InputRule};
use crate::model::matcher::MatcherConfig;
use crate::model::matcher::actr::config::ActrConfig;
use crate::model::matcher::cats::config::CatsConfig;
use crate::model::matcher::chm::config::{ChmConfig, Sharing};
use crate::model::matcher::consensus::config::ConsensusConfig;
use crate::model::matcher::lpmflow::config::LpmFlowConfig;
use crate::model::matcher::ncnet::config::NcNetConfig;
use crate::model::matcher::scot::config::ScotConfig;
use crate::model::matcher::transformatcher::config::TransforMatcherConfig;
use crate::model::part::Chosen;

impl ModelConfig {
    /// The paper's model: ViT-B/16 and the full matcher, 180 million values.
    pub(crate) fn base() -> Self {
        Self {
            input_size: 512,
            input: InputRule::Stretch,
            backbone: Chosen::of(Arc::new(VitConfig::base())),
            head: None,
            matcher: Chosen::of(Arc::new(LpmFlowConfig::base())),
        }
    }

    /// ACTR: the same backbone, and blocks that match, 144 million values.
    pub(crate) fn actr() -> Self {
        Self { matcher: Chosen::of(Arc::new(ActrConfig::default())), ..Self::base() }
    }

    /// CATs: ResNet-101 at 256 pixels, and the aggregation of eight blocks' correlations, 49 million values.
    pub(crate) fn cats() -> Self {
        let image = CatsConfig::IMAGE;
        let hyperpixel = vec![CatsConfig::DEEPEST];
        let backbone = ResNetConfig::new(image, vec![3, 4, 23], hyperpixel);
        Self {
            input_size: image as usize,
            input: InputRule::Stretch,
            backbone: Chosen::of(Arc::new(backbone)),
            head: None,
            matcher: Chosen::of(Arc::new(CatsConfig::on_blocks(&CatsConfig::SPAIR))),
        }
    }

    /// CATs in a size for tests, on a vision transformer's blocks.
    #[cfg(test)]
    pub(crate) fn cats_tiny() -> Self {
        let matcher =
            CatsConfig { side: 4, projection: 16, heads: 4, ..CatsConfig::on_blocks(&[1, 2]) };
        Self { matcher: Chosen::of(Arc::new(matcher)), ..Self::tiny() }
    }

    /// NC-Net: ResNet-101 at 400 pixels, and the filtering of all matches.
    pub(crate) fn ncnet() -> Self {
        let backbone = ResNetConfig::new(NcNetConfig::IMAGE, vec![3, 4, 23], vec![30]);
        Self {
            input_size: backbone.image as usize,
            input: InputRule::SampledStretch,
            backbone: Chosen::of(Arc::new(backbone)),
            head: None,
            matcher: Chosen::of(Arc::new(NcNetConfig::pf_pascal())),
        }
    }

    /// CHM: two ResNet-101 at 240 pixels, and matches that vote for one another.
    pub(crate) fn chm() -> Self {
        let matcher = ChmConfig::on_block(30, Sharing::Psi);
        Self::on_twins(ChmConfig::IMAGE, vec![3, 4, 23], Chosen::of(Arc::new(matcher)))
    }

    /// TransforMatcher: two ResNet-101 at 240 pixels, and attention among all matches.
    pub(crate) fn transformatcher() -> Self {
        let matcher = TransforMatcherConfig::on_blocks(8..=33);
        let image = TransforMatcherConfig::IMAGE;
        Self::on_twins(image, vec![3, 4, 23, 3], Chosen::of(Arc::new(matcher)))
    }

    /// SCOT: ResNet-101 and its classifier, photos whose longer side has 300 pixels, and transport.
    pub(crate) fn scot(matcher: ScotConfig) -> Self {
        let backbone = ResNetConfig {
            shape: ImageShape::Own,
            ..ResNetConfig::new(ScotConfig::IMAGE, vec![3, 4, 23, 3], vec![33])
        };
        Self {
            input_size: backbone.image as usize,
            input: InputRule::SampledOwn,
            backbone: Chosen::of(Arc::new(backbone)),
            head: None,
            matcher: Chosen::of(Arc::new(matcher)),
        }
    }

    /// The same on the backbone of a fully convolutional network, whose head says where things are.
    pub(crate) fn scot_fcn() -> Self {
        let usual = Self::scot(ScotConfig::fcn());
        let backbone = ResNetConfig {
            shape: ImageShape::Own,
            stem: Stem::Deep,
            dilated: true,
            seen_by: SeenBy::Segmentation,
            ..ResNetConfig::new(ScotConfig::IMAGE, vec![3, 4, 23, 3], vec![33])
        };
        Self { backbone: Chosen::of(Arc::new(backbone)), ..usual }
    }

    /// A matcher on two ResNets of these stages.
    fn on_twins(image: i64, stages: Vec<i64>, matcher: Chosen<dyn MatcherConfig>) -> Self {
        let hyperpixel = vec![stages.iter().sum()];
        let each = Chosen::of(Arc::new(ResNetConfig::new(image, stages, hyperpixel)) as Arc<_>);
        Self {
            input_size: image as usize,
            input: InputRule::Stretch,
            backbone: Chosen::of(Arc::new(TwinsConfig { each })),
            head: None,
            matcher,
        }
    }

    /// CHM in a size for tests: a grid of 8 x 8 cells.
    #[cfg(test)]
    pub(crate) fn chm_tiny() -> Self {
        let matcher = ChmConfig::on_block(2, Sharing::Psi);
        Self::on_twins(64, vec![1, 1], Chosen::of(Arc::new(matcher)))
    }

    /// TransforMatcher in a size for tests: matches of 4^4 cells.
    #[cfg(test)]
    pub(crate) fn transformatcher_tiny() -> Self {
        let matcher = TransforMatcherConfig {
            side: 4,
            depth: 2,
            heads: 2,
            ..TransforMatcherConfig::on_blocks(1..=2)
        };
        Self::on_twins(64, vec![1, 1], Chosen::of(Arc::new(matcher)))
    }

    /// NC-Net in a size for tests: one layer on 4 x 4 cells.
    #[cfg(test)]
    pub(crate) fn ncnet_tiny() -> Self {
        let matcher =
            NcNetConfig { level: "block-2".to_owned(), kernels: vec![3], channels: vec![1] };
        Self {
            input_size: 64,
            input: InputRule::SampledStretch,
            backbone: Chosen::of(Arc::new(ResNetConfig::new(64, vec![1, 1], vec![2]))),
            head: None,
            matcher: Chosen::of(Arc::new(matcher)),
        }
    }

    /// ACTR in a size for tests.
    #[cfg(test)]
    pub(crate) fn actr_tiny() -> Self {
        let matcher = ActrConfig {
            depth: 2,
            heads: 4,
            feature_channels: 30,
            residual_channels: 8,
            ..ActrConfig::default()
        };
        Self { matcher: Chosen::of(Arc::new(matcher)), ..Self::tiny() }
    }

    /// The paper's design in a size for tests: 64-pixel images, a 4x4 grid, a 32x32 flow.
    pub(crate) fn tiny() -> Self {
        Self {
            input_size: 128,
            input: InputRule::Stretch,
            backbone: Chosen::of(Arc::new(VitConfig::tiny())),
            head: None,
            matcher: Chosen::of(Arc::new(LpmFlowConfig::tiny())),
        }
    }

    /// The small model of this project: EfficientNet-Lite2 at 384 pixels, an adapter, and consensus on a
    /// 24x24 grid; 3.7 million values.
    pub(crate) fn lite() -> Self {
        let backbone = EfficientNetConfig { image: 384, variant: Variant::Lite2 };
        Self {
            input_size: backbone.image as usize,
            input: InputRule::Stretch,
            backbone: Chosen::of(Arc::new(backbone)),
            head: Some(Chosen::of(Arc::new(AdapterConfig::default()))),
            matcher: Chosen::of(Arc::new(ConsensusConfig::default())),
        }
    }

    /// What runs without training: EfficientNet-Lite0 and consensus.
    pub(crate) fn zero_shot() -> Self {
        let backbone = EfficientNetConfig::default();
        Self {
            input_size: backbone.image as usize,
            input: InputRule::Stretch,
            backbone: Chosen::of(Arc::new(backbone)),
            head: None,
            matcher: Chosen::of(Arc::new(ConsensusConfig::default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cost::StageCost;
    use crate::model::matcher::lpmflow::config::Ablation;

    fn billions(stages: &[StageCost], name: &str) -> f64 {
        let named = stages.iter().filter(|stage| stage.name == name);
        named.map(|stage| stage.work.operations()).sum::<f64>() / 1e9
    }

    #[test]
    fn base_agrees_with_the_measured_reference_less_its_unused_projections() {
        let stages = ModelConfig::base().work().unwrap();
        // The reference projects queries, keys and values of both sides in every cross attention and
        // uses half of the six.
        let unused = |source: f64, target: f64| 2.0 * 768.0 * 768.0 * (2.0 * source + target) / 1e9;
        let measured = [
            ("backbone", 92.8, 0.0),
            ("encoder", 48.5, 0.0),
            ("coarse decoder", 10.0, unused(257.0, 257.0)),
            ("mixed decoder", 55.4, unused(257.0, 1025.0) + unused(1025.0, 257.0)),
            ("fine decoder", 47.2, unused(1025.0, 1025.0)),
            ("token upsampler", 116.4, 0.0),
            ("flow refiner", 13.9, 0.0),
        ];
        for (name, reference, unused) in measured {
            let found = billions(&stages, name);
            assert!(
                (found + unused - reference).abs() < 0.06,
                "{name}: {found} + {unused} is not {reference}"
            );
        }
        let total: f64 = stages.iter().map(|stage| stage.work.operations()).sum();
        let all_unused: f64 = measured.iter().map(|(_, _, unused)| unused).sum();
        assert!((total / 1e9 + all_unused - 384.3).abs() < 0.1);
    }

    #[test]
    fn matchers_of_several_levels_read_others_of_a_transformer() {
        let settings = |config: &ModelConfig| serde_json::to_value(config).unwrap();
        let own = ModelConfig::cats().on_backbone_of(&ModelConfig::base()).unwrap();
        let found = settings(&own);
        let levels: Vec<String> = (5..=12).map(|block| format!("block-{block}")).collect();
        assert_eq!(found["matcher"]["levels"], serde_json::json!(levels));
        assert_eq!((own.input_size, own.backbone.image()), (512, 256));
        let twins = ModelConfig::transformatcher().on_backbone_of(&ModelConfig::base()).unwrap();
        let found = settings(&twins);
        assert_eq!(found["matcher"]["levels"], serde_json::json!(levels));
        assert_eq!(found["matcher"]["rectified"], false);
        // A matcher of the deepest features alone has nothing to choose.
        let actr = ModelConfig::actr().on_backbone_of(&ModelConfig::base()).unwrap();
        assert_eq!(settings(&actr), settings(&ModelConfig::actr()));
    }

    #[test]
    fn an_ablation_costs_what_is_left() {
        let mut config = ModelConfig::base();
        let ablations = vec![Ablation::Pfsr, Ablation::Mmfi];
        config.matcher = Chosen::of(Arc::new(LpmFlowConfig { ablations, ..LpmFlowConfig::base() }));
        let names: Vec<&str> = config.work().unwrap().iter().map(|stage| stage.name).collect();
        assert_eq!(names, ["backbone", "encoder", "coarse decoder"]);
    }
}
