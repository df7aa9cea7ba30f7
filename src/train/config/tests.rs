//! Settings on their way through files.

use super::*;
use crate::data::photo::orientation::Exif;
use crate::train::config::file::ConfigFile;
use crate::train::objective::flow::FlowSettings;
use crate::train::objective::matching::MatchingSettings;
use crate::train::optim::schedule::Decay;

/// The settings of a file in today's form.
fn read(text: &str) -> TrainConfig {
    let ConfigFile { config, notes } = ConfigFile::from_toml(text).unwrap();
    assert!(notes.is_empty(), "{notes:?}");
    config
}

fn error(text: &str) -> String {
    format!("{:#}", ConfigFile::from_toml(text).unwrap_err())
}

#[test]
fn every_setting_survives_the_way_through_a_file() {
    let config = TrainConfig {
        seed: u64::from(u32::MAX) + 1,
        epochs: 3,
        batch_size: 5,
        learning_rate: 1.25e-7,
        schedule: ScheduleConfig {
            decay: Decay::Cosine,
            milestones: Vec::new(),
            ..ScheduleConfig::default()
        },
        augmentation: AugmentationConfig { enabled: false, ..AugmentationConfig::default() },
        objectives: ObjectiveTables::default()
            .with(FlowSettings { contrastive_weight: 0.5, gradual_guidance: false })
            .with(MatchingSettings { sigma: 0.25, ..MatchingSettings::default() }),
        group_learning_rates: BTreeMap::from([("head".to_owned(), 0.5)]),
        ..TrainConfig::default()
    };
    assert_eq!(read(&config.to_toml().unwrap()), config);
    let default = TrainConfig::default().to_toml().unwrap();
    assert_eq!(read(&default), TrainConfig::default());
}

#[test]
fn what_a_file_leaves_out_is_as_in_the_paper() {
    let config = read("epochs = 2\n[schedule]\ndecay = \"cosine\"");
    assert_eq!((config.epochs, config.batch_size, config.seed), (2, 32, 47));
    assert_eq!(config.schedule.decay, Decay::Cosine);
    assert_eq!(config.schedule.milestones, [100, 150, 250]);
}

#[test]
fn all_unknown_keys_are_named_with_the_nearest_valid_one() {
    let error = error("learning_rat = 1.0\n[optimizer]\nwieght_decay = 0.1\n[shedule]\n");
    assert!(error.contains("`learning_rat` (did you mean `learning_rate`?)"), "{error}");
    assert!(error.contains("`optimizer.wieght_decay` (did you mean `optimizer.weight_decay`?)"));
    assert!(error.contains("`shedule` (did you mean `schedule`?)"), "{error}");
}

#[test]
fn senseless_values_are_refused_together_and_wrong_kinds_with_their_line() {
    let error_text = error("epochs = 0\n[augmentation]\ncrop_probability = 1.5");
    assert!(error_text.contains("epochs must lie in 1 to 1000000000"), "{error_text}");
    assert!(error_text.contains("crop_probability must lie in 0 to 1"), "{error_text}");
    let error_text = error("seed = 1\nepochs = \"ten\"");
    assert!(error_text.contains("line 2") && error_text.contains("epochs"), "{error_text}");
    assert!(error("epochs = ").contains("not valid TOML"));
    assert!(error("learning_rate = nan").contains("learning_rate"));
}

/// The configuration of a run as versions wrote it that had other names.
const OLD: &str = "average_decay = 0.5\n[optimizer]\nbeta1 = 0.8\nbeta2 = 0.9\n[loss]\n\
                   contrast_rate = 0.3\n[matches]\nspread = 0.8\nretention = 5\n";

#[test]
fn keys_of_older_versions_are_read_with_a_note_each() {
    let ConfigFile { config, notes } = ConfigFile::from_toml(OLD).unwrap();
    assert_eq!(notes.len(), 5, "{notes:?}");
    assert!(notes[2].contains("`matching.spread` is called `matching.sigma`"), "{notes:?}");
    let today = read(
        "ema_decay = 0.5\n[optimizer]\nkind = \"adamw\"\nbeta1 = 0.8\nbeta2 = 0.9\n[loss]\n\
         contrastive_weight = 0.3\n[matching]\nsigma = 0.8\ndistillation_weight = 5\n",
    );
    assert_eq!(config, today);
    assert_eq!(read(&config.to_toml().unwrap()), config);
    let error = error("average_decay = 0.5\nema_decay = 0.5\n");
    assert!(error.contains("both are given"), "{error}");
}

#[test]
fn objectives_and_optimizers_check_their_own_settings() {
    let error_text = error("[loss]\ncontrastive_weigth = 1.0\n[matching]\nsigm = 2.0\n");
    assert!(error_text.contains("(did you mean `loss.contrastive_weight`?)"), "{error_text}");
    assert!(error_text.contains("(did you mean `matching.sigma`?)"), "{error_text}");
    let error_text = error("[loss]\ncontrastive_weight = -1.0\n[optimizer]\nbeta1 = 1.0\n");
    assert!(error_text.contains("loss.contrastive_weight must not be negative"), "{error_text}");
    assert!(error_text.contains("optimizer.beta1 must lie in 0 to 1"), "{error_text}");
    let error_text = error("[matching]\nsigma = \"wide\"\n");
    assert!(error_text.contains("in `matching`") && error_text.contains("wide"), "{error_text}");
    let error_text = error("[optimizer]\nkind = \"sgd\"\n");
    assert!(error_text.contains("unknown optimizer") && error_text.contains("`adamw`"));
}

#[test]
fn groups_have_learning_rates_by_name() {
    use crate::nn::parameters::{Init, VarBuilder};
    let path = VarBuilder::fresh(tch::Device::Cpu);
    let groups = [Group::BACKBONE, Group("adapter"), Group::HEAD];
    for group in groups {
        let _ = path.in_group(group).parameter(group.0, &[1], Init::Constant(0.0));
    }
    let _ = path.buffer("running_mean", &[1], Init::Constant(0.0));
    let (parameters, _) = path.finish();
    let config = read(
        "learning_rate = 1.0\nbackbone_learning_rate = 2.0\n[group_learning_rates]\nadapter = 3.0\n",
    );
    assert_eq!(groups.map(|group| config.base_rate(group)), [2.0, 3.0, 1.0]);
    let names = |config: &TrainConfig| -> Vec<String> {
        config.trained(&parameters).unwrap().iter().map(|trained| trained.name.clone()).collect()
    };
    assert_eq!(names(&config), ["backbone", "adapter", "head"], "buffers are never trained");
    let frozen = read("[group_learning_rates]\nadapter = 0.0\nbackbone = 0.0\n");
    assert_eq!(names(&frozen), ["head"]);
    assert_eq!(names(&read("frozen = [\"adap\"]\n")), ["backbone", "head"]);
    let missed = read("frozen = [\"backbones\"]\n").trained(&parameters).unwrap_err().to_string();
    assert!(missed.ends_with("begins with `backbones` (did you mean `backbone`?)"), "{missed}");
    let unknown = read("[group_learning_rates]\nadaptor = 1.0\n");
    let error = unknown.trained(&parameters).unwrap_err().to_string();
    assert!(error.contains("`adaptor`; there are: `adapter`, `backbone`, `head`"), "{error}");
}

#[test]
#[cfg(unix)]
fn paths_that_are_not_unicode_come_back_from_a_configuration() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let mut config = TrainConfig::default();
    config.data.photos = Some(OsStr::from_bytes(b"ferien/caf\xE9").into());
    config.data.data_root = OsStr::from_bytes(b"\xFF").into();
    config.model.init = Some("plain.safetensors".into());
    let text = config.to_toml().unwrap();
    assert!(text.contains("init = \"plain.safetensors\""), "{text}");
    assert!(text.contains("caf\\\\xE9") || text.contains("caf\\xE9"), "{text}");
    assert_eq!(ConfigFile::from_toml(&text).unwrap().config, config);
    let error = format!("{:#}", ConfigFile::from_toml("[data]\nphotos = 3\n").unwrap_err());
    assert!(error.contains("expected a path"), "{error}");
}

#[test]
fn plain_photos_are_trained_on_as_they_are_shown_and_annotated_ones_as_they_are_stored() {
    assert_eq!(TrainConfig::for_photos(None, None).data.exif, Exif::Apply);
    assert_eq!(TrainConfig::default().data.exif, Exif::Ignore);
    assert_eq!(read("[data]\nexif = \"apply\"\n").data.exif, Exif::Apply);
}

#[test]
fn plain_photos_hold_the_features_of_what_is_trained_further_everywhere() {
    let area = |config: &TrainConfig| serde_json::to_value(config).unwrap()["matching"].clone();
    let photos = TrainConfig::for_photos(None, None);
    photos.check().unwrap();
    assert_eq!(area(&photos)["distillation_area"], "everywhere");
    for others in [TrainConfig::for_photos(Some("base"), None), TrainConfig::default()] {
        assert_eq!(area(&others)["distillation_area"], "beside-objects");
    }
}

#[test]
fn counts_beyond_what_any_machine_does_are_refused() {
    for (text, wanted) in [
        ("epochs = 1000000001", "epochs must lie in 1 to 1000000000"),
        ("steps = 9000000000000000000", "steps must lie in"),
        ("batch_size = 1000000000000", "batch_size must lie in 1 to 65536"),
        ("accumulate = 70000", "accumulate must lie in"),
        ("prefetch = 1000000000000", "prefetch must be at most 1024"),
        ("[data]\nrepeat = 1000000000000", "data.repeat must lie in"),
        ("[data]\nvalidation_pairs = 1000000000000", "data.validation_pairs must be at most"),
        ("learning_rate = inf", "learning_rate must not be negative or infinite"),
    ] {
        assert!(error(text).contains(wanted), "{text}: {}", error(text));
    }
}
