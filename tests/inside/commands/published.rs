//! Backbones and heads as others publish them, through the commands: small networks under the published names, which
//! `predict`, `eval` and `export` take as they are.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use tch::{Device, Kind, Tensor};

use crate::commands::testing::lpmflow;
use crate::inside::support::files::{Folder, write};
use crate::inside::support::toy::Toy;
use crate::model::weights::{self, archive};

const DEMO: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo/source.png"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo/target.png"),
];

/// Points in the demo's source.
const POINTS: &str = "[[40, 60], [100, 80], [150, 120]]";

/// A file of scattered values under these names and shapes, the same for the same shapes.
fn written(path: &Path, shapes: &[(String, Vec<i64>)]) -> String {
    let mut drawn_before = 0;
    let mut tensor = |(name, shape): &(String, Vec<i64>)| {
        let start = drawn_before;
        drawn_before += shape.iter().product::<i64>();
        let places = Tensor::arange_start(start, drawn_before, (Kind::Double, Device::Cpu));
        let drawn = ((places * 12.9898).sin() * 43_758.545).frac() * 0.5;
        let drawn = drawn.to_kind(Kind::Float).view(shape.as_slice());
        let fan_in = shape.iter().skip(1).product::<i64>().max(1) as f64;
        // Variances are positive, weights of norms about 1.
        let values = match (name.ends_with("running_var"), shape.len()) {
            (false, 2..) => drawn * (12.0 / fan_in).sqrt(),
            _ => drawn * 0.5 + 1.0,
        };
        (name.clone(), values)
    };
    let tensors: Vec<(String, Tensor)> = shapes.iter().map(&mut tensor).collect();
    Tensor::write_safetensors(&tensors, path).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A list of names with shapes, to be added to.
#[derive(Default)]
struct Shapes(Vec<(String, Vec<i64>)>);

impl Shapes {
    fn add(&mut self, name: &str, shape: &[i64]) {
        self.0.push((name.to_owned(), shape.to_vec()));
    }
}

/// DINOv2 of two blocks with registers.
fn dinov2(folder: &Folder) -> String {
    let (dim, mut shapes) = (64, Shapes::default());
    shapes.add("cls_token", &[1, 1, dim]);
    shapes.add("mask_token", &[1, dim]);
    shapes.add("pos_embed", &[1, 5, dim]);
    shapes.add("register_tokens", &[1, 4, dim]);
    shapes.add("patch_embed.proj.weight", &[dim, 3, 14, 14]);
    shapes.add("patch_embed.proj.bias", &[dim]);
    for block in ["blocks.0", "blocks.1"] {
        for part in
            ["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"]
        {
            shapes.add(&format!("{block}.{part}"), &[dim]);
        }
        for (part, outputs, inputs) in [
            ("attn.qkv", 3 * dim, dim),
            ("attn.proj", dim, dim),
            ("mlp.fc1", 4 * dim, dim),
            ("mlp.fc2", dim, 4 * dim),
        ] {
            shapes.add(&format!("{block}.{part}.weight"), &[outputs, inputs]);
            shapes.add(&format!("{block}.{part}.bias"), &[outputs]);
        }
    }
    shapes.add("norm.weight", &[dim]);
    shapes.add("norm.bias", &[dim]);
    written(&folder.path("dinov2.safetensors"), &shapes.0)
}

/// MARCO's adapter for the second block, and its upscaler.
fn marco(folder: &Folder) -> String {
    let (dim, mut shapes) = (64, Shapes::default());
    let adapter = "dino.blocks.1.adapter";
    shapes.add(&format!("{adapter}.adapter_layer_norm_before.weight"), &[dim]);
    shapes.add(&format!("{adapter}.adapter_layer_norm_before.bias"), &[dim]);
    shapes.add(&format!("{adapter}.down_proj.weight"), &[16, dim]);
    shapes.add(&format!("{adapter}.down_proj.bias"), &[16]);
    shapes.add(&format!("{adapter}.up_proj.weight"), &[dim, 16]);
    shapes.add(&format!("{adapter}.up_proj.bias"), &[dim]);
    for step in ["upscale.0", "upscale.1"] {
        shapes.add(&format!("{step}.conv1.weight"), &[dim, dim, 2, 2]);
        shapes.add(&format!("{step}.conv1.bias"), &[dim]);
        shapes.add(&format!("{step}.conv2.weight"), &[dim, 1, 3, 3]);
        shapes.add(&format!("{step}.norm.weight"), &[dim]);
        shapes.add(&format!("{step}.norm.bias"), &[dim]);
    }
    written(&folder.path("marco.safetensors"), &shapes.0)
}

/// A residual network of two stages of one block, below a prefix.
fn resnet(folder: &Folder, prefix: &str) -> String {
    let mut shapes = Shapes::default();
    let mut layer = |convolution: &str, norm: &str, shape: [i64; 4]| {
        shapes.add(&format!("{prefix}{convolution}.weight"), &shape);
        for part in ["weight", "bias", "running_mean", "running_var"] {
            shapes.add(&format!("{prefix}{norm}.{part}"), &shape[..1]);
        }
    };
    layer("conv1", "bn1", [64, 3, 7, 7]);
    for (stage, inputs, width) in [(1, 64, 64), (2, 256, 128)] {
        let block = format!("layer{stage}.0");
        for (number, shape) in
            [(1, [width, inputs, 1, 1]), (2, [width, width, 3, 3]), (3, [4 * width, width, 1, 1])]
        {
            layer(&format!("{block}.conv{number}"), &format!("{block}.bn{number}"), shape);
        }
        let names = [0, 1].map(|part| format!("{block}.downsample.{part}"));
        layer(&names[0], &names[1], [4 * width, inputs, 1, 1]);
    }
    shapes.add(&format!("{prefix}fc.weight"), &[10, 512]);
    shapes.add(&format!("{prefix}fc.bias"), &[10]);
    written(&folder.path("resnet.safetensors"), &shapes.0)
}

/// Where `predict` finds the points, and what it logs.
fn found(folder: &Folder, model: &[&str]) -> (Vec<[f64; 2]>, String) {
    let points = write(folder, "points.json", POINTS);
    let flags = ["predict", DEMO[0], DEMO[1], "--keypoints", &points, "--json"];
    let run = lpmflow([&flags, model].concat()).succeeded();
    let target = run.json_lines()[0]["keypoints"]["target"].clone();
    (serde_json::from_value(target).unwrap(), run.stderr)
}

#[test]
fn marco_is_run_from_two_files_and_from_one_that_joins_them() {
    let folder = Folder::new();
    let (backbone, head) = (dinov2(&folder), marco(&folder));
    let size = ["--input-size", "56"];
    let two = [&["--backbone", &*backbone, "--head", &*head], &size[..]].concat();
    let (points, log) = found(&folder, &two);
    assert!(
        log.contains("with registers and adapters, upscaler, windowed; photos in 56 x 56"),
        "{log}"
    );
    let (other, _) = found(&folder, &[&two[..], &["--input-rule", "mean-padded-square"]].concat());
    assert_ne!(points, other, "the demo's photos are not square");

    let joined = folder.text("joined.safetensors");
    let flags = ["export", "--weights", &*backbone, "--head", &*head, "-o", &*joined, "--verify"];
    lpmflow([&flags[..], &size].concat()).succeeded();
    assert_eq!(found(&folder, &["--weights", &*joined]).0, points);
    let network = folder.text("joined.pt");
    lpmflow(["export", "--weights", &*joined, "-o", &*network, "--verify"]).succeeded();
    // Positions are on their grid already: ONNX has no such operation.
    let mut code = String::new();
    let mut archive = archive::open(File::open(&network).unwrap()).unwrap();
    archive.by_name("lpmflow/code/__torch__.py").unwrap().read_to_string(&mut code).unwrap();
    assert!(code.contains("torch.layer_norm") && !code.contains("bicubic"), "{code}");

    let flags = ["predict", DEMO[0], DEMO[1], "--weights", &*head, "-o", &*folder.text("a.flo")];
    let error = lpmflow(flags).failed_with(1);
    assert!(error.contains("without their backbone"), "{error}");
    let missing = "--backbone dinov2_vitl14_reg4_pretrain.pth --head FILE";
    assert!(error.contains(missing), "{error}");
}

#[test]
fn resnets_are_run_from_files_of_any_prefix() {
    let folder = Folder::new();
    let plain = resnet(&folder, "");
    let size = ["--input-size", "64"];
    let (points, log) = found(&folder, &[&["--weights", &*plain], &size[..]].concat());
    assert!(
        log.contains("ResNet of 2 blocks, consensus; photos in 64 x 64 pixels, stretch"),
        "{log}"
    );
    // Names play no part in the values.
    let below = resnet(&folder, "backbone.");
    assert_eq!(found(&folder, &[&["--weights", &*below], &size[..]].concat()).0, points);
    for extension in ["safetensors", "pt"] {
        let output = folder.text(&format!("exported.{extension}"));
        let flags = ["export", "--weights", &*below, "-o", &*output, "--verify"];
        lpmflow([&flags[..], &size].concat()).succeeded();
    }
    let chosen = ["--set", "matcher.kind=nearest", "--set", "backbone.hyperpixel=[1]"];
    let (other, log) = found(&folder, &[&["--weights", &*below], &size[..], &chosen].concat());
    assert!(log.contains("ResNet of 2 blocks, nearest"), "{log}");
    assert_ne!(other, points);
    let flags = ["bench", "--weights", &*below, "--iterations", "1", "--warm-up", "0", "--json"];
    let log = lpmflow([&flags[..], &size, &chosen].concat()).succeeded().stderr;
    assert!(log.contains("does not learn, so no training step is timed"), "{log}");
    let flags =
        ["predict", DEMO[0], DEMO[1], "-o", &*folder.text("none.flo"), "--weights", &*below];
    let error =
        lpmflow([&flags[..], &["--set", "backbone.hyperpixel=[3]"]].concat()).failed_with(1);
    assert!(error.contains("backbone.hyperpixel") && error.contains("numbered 0 to 2"), "{error}");
    let exported = folder.text("exported.safetensors");
    assert_eq!(found(&folder, &["--weights", &*exported]).0, points);
}

#[test]
fn the_papers_matcher_is_trained_on_a_published_backbone() {
    let toy = Toy::new(2, 1);
    let folder = Folder::new();
    let backbone = dinov2(&folder);
    let train = |run: &str, more: &str| {
        let flags = format!("--epochs 1 --batch-size 2 {more}");
        lpmflow(toy.training(&folder.path(run), &flags))
    };
    let log = train("run", &format!("--backbone {backbone} --freeze-backbone")).succeeded().stderr;
    assert!(log.contains("dinov2.safetensors`") && log.contains("frozen"), "{log}");
    let best = folder.text("run/best.safetensors");
    let (points, log) = found(&folder, &["--weights", &best]);
    // The grid of `tiny` has 4 x 4 cells, here of 14 pixels.
    assert!(log.contains("with registers, lpmflow; photos in 56 x 56 pixels"), "{log}");
    for name in ["exported.safetensors", "exported.pt"] {
        let flags = ["export", "--weights", &*best, "--verify", "-o", &*folder.text(name)];
        lpmflow(flags).succeeded();
    }
    assert_eq!(found(&folder, &["--weights", &*folder.text("exported.safetensors")]).0, points);
    let data = toy.flags();
    let eval: Vec<&str> =
        ["eval", "--weights", &*best].into_iter().chain(data.iter().map(String::as_str)).collect();
    lpmflow(eval).succeeded();
    // Trained further as a whole model, and as a backbone for another grid.
    train("further", &format!("--model auto --init {best}")).succeeded();
    train("finer", &format!("--backbone {best} --input-size 112")).succeeded();
    let (_, log) = found(&folder, &["--weights", &*folder.text("finer/best.safetensors")]);
    assert!(log.contains("photos in 112 x 112 pixels"), "{log}");

    let error = train("odd", &format!("--backbone {backbone} --input-size 100")).failed_with(1);
    assert!(error.contains("must be a multiple of it, such as 98"), "{error}");
    let resnet = resnet(&folder, "");
    let error = train("resnet", &format!("--backbone {resnet}")).failed_with(1);
    assert!(error.contains("needs a backbone with a class token"), "{error}");
    let error = train("both", &format!("--backbone {backbone} --init {best}")).failed_with(2);
    assert!(error.contains("cannot be used with"), "{error}");
}

#[test]
fn a_published_head_is_trained_further_while_its_backbone_stays() {
    let toy = Toy::new(2, 1);
    let folder = Folder::new();
    let (backbone, head) = (dinov2(&folder), marco(&folder));
    let joined = folder.text("joined.safetensors");
    let flags = ["export", "--weights", &*backbone, "--head", &*head, "--input-size", "56"];
    lpmflow([&flags[..], &["-o", &*joined]].concat()).succeeded();
    let authors = "[keypoints]\ngaussian_weight = 1.0\ngaussian_temperature = 10.0\ncontrast_weight = 0.0\n\
                   distance_weight = 0.0\n";
    let train = |run: &str, settings: &str| {
        let settings = write(&folder, &format!("{run}.toml"), settings);
        let flags = format!(
            "--model auto --init {joined} --freeze-backbone --config {settings} --epochs 1 --batch-size 2 \
             --learning-rate 1e-3"
        );
        lpmflow(toy.training(&folder.path(run), &flags)).succeeded().stderr
    };
    let values = |path: &str| weights::read(Path::new(path)).unwrap().tensors;
    let before = values(&joined);
    for (run, settings, loss) in
        [("marco", authors, "gaussian_loss"), ("contrast", "", "contrast_loss")]
    {
        let log = train(run, settings);
        assert!(log.contains(loss) && log.contains("frozen"), "{log}");
        for (name, after) in values(&folder.text(&format!("{run}/last.safetensors"))) {
            let trained = name.contains(".adapter.") || name.contains("upscale");
            assert_eq!(after != before[&name], trained, "{run}: {name}");
        }
    }
    found(&folder, &["--weights", &*folder.text("marco/best.safetensors")]);
}
