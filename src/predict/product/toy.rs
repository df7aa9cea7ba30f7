//! A product that exists for tests alone: one file and one line in the list.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use crate::drawing::Drawing;
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::Needs;
use crate::predict::product::Product;

/// The photos' sizes and the confidence in the middle, as text.
#[derive(Debug)]
pub(super) struct Toy;

impl Product for Toy {
    type Format = ();

    const NAME: &'static str = "toy";
    const HELP: &'static str = "Write a toy";
    const DETAILS: Option<&'static str> = Some("It is for playing.");
    const ENDINGS: &'static [(&'static str, ())] = &[("txt", ())];

    fn needs_photos((): (), _drawing: Drawing) -> bool {
        true
    }

    fn needs((): (), _drawing: Drawing) -> Needs {
        Needs::Confidence
    }

    fn write((): (), context: &Context, path: &Path) -> Result<Written> {
        let [source, target] = [context.source.pixels()?, context.target.pixels()?]
            .map(|photo| format!("{}x{}", photo.width(), photo.height()));
        let confidence = context.confidence().len();
        output::write(path, |file| {
            Ok(writeln!(file, "{source} to {target}, {confidence} values")?)
        })?;
        Ok(Written::default())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use image::RgbImage;

    use crate::cli::Cli;
    use crate::commands::testing::lpmflow;

    #[test]
    fn a_further_product_has_its_flag_its_format_and_its_help() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        RgbImage::new(40, 30).save(path("a.png")).unwrap();
        RgbImage::new(20, 50).save(path("b.png")).unwrap();
        let (a, b, t) = (path("a.png"), path("b.png"), path("t.txt"));

        lpmflow(["predict", &a, &b, "--toy", &t]).succeeded();
        assert_eq!(std::fs::read_to_string(&t).unwrap(), "40x30 to 20x50, 1200 values\n");
        let wrong = lpmflow(["predict", &a, &b, "--toy", "t.png"]).failed_with(2);
        assert!(wrong.contains("no ending that the toy can be written in: use .txt"), "{wrong}");

        std::fs::write(path("pairs.csv"), "a.png,b.png\n").unwrap();
        let (list, out) = (path("pairs.csv"), path("out"));
        let list = ["predict", "--pairs", &list, "--output-dir", &out, "--format"];
        lpmflow(list.into_iter().chain(["toy.txt"])).succeeded();
        assert!(folder.path().join("out/a-to-b.toy.txt").is_file());
        let wrong = lpmflow(list.into_iter().chain(["toy.gif"])).failed_with(2);
        assert!(wrong.contains("features.webp, toy.txt"), "{wrong}");

        let mut program = Cli::command();
        program.build();
        let help = program.find_subcommand_mut("predict").unwrap().render_long_help().to_string();
        assert!(help.contains("--toy <FILE>\n          Write a toy (.txt)\n"), "{help}");
        assert!(help.contains("It is for playing.") && help.contains("features.png, toy.txt"));
    }
}
