//! Which dictionary of a checkpoint holds the weights, and how its names lead to the model's.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::model::weights::published::Published;

/// Where weights are usually kept: taken where several dictionaries fit, with a note. Of MoCo's two networks the one
/// that is trained is the result; the other follows it.
const USUAL: [&str; 3] = ["state_dict.module.encoder_q.", "state_dict.", "teacher."];

/// How a file's names lead to the model's.
#[derive(Clone, Debug)]
pub(crate) struct Naming {
    /// The file's form.
    pub form: &'static Published,
    /// The dictionary that holds the weights, with its dot; empty where they stand at the top.
    prefix: String,
    /// Other dictionaries that would fit.
    others: Vec<String>,
}

impl Naming {
    /// Recognises a file by its names; none if it is of none of the `forms`. With a `dictionary`, only what is in it
    /// counts.
    ///
    /// # Errors
    /// When several dictionaries fit, none of which is the usual one.
    pub(crate) fn recognise(
        names: &[&str],
        forms: &[&'static Published],
        dictionary: Option<&str>,
    ) -> Result<Option<Self>> {
        let within = dictionary.map(|name| format!("{}.", name.trim_end_matches('.')));
        let within = within.as_deref().unwrap_or("");
        for form in forms {
            let fitting: BTreeSet<String> = names
                .iter()
                .filter(|name| name.starts_with(within))
                .filter_map(|name| around_mark(name, form))
                .filter(|prefix| prefix.starts_with(within))
                .map(str::to_owned)
                .collect();
            let begins = |prefix: &str, usual: &str| prefix[within.len()..].starts_with(usual);
            let chosen = match fitting.len() {
                0 => continue,
                1 => fitting.first(),
                _ => USUAL
                    .iter()
                    .find_map(|usual| fitting.iter().find(|prefix| begins(prefix, usual))),
            };
            let Some(prefix) = chosen.cloned() else {
                bail!(
                    "several of its dictionaries hold weights of {}: {}; choose one with --dictionary NAME",
                    form.name,
                    fitting.iter().map(|prefix| shown(prefix)).collect::<Vec<_>>().join(", ")
                );
            };
            let others = fitting.into_iter().filter(|other| *other != prefix).collect();
            return Ok(Some(Self { form, prefix, others }));
        }
        Ok(None)
    }

    /// The model's name for a tensor of the file; `None` for what is no weight, as optimizer state.
    pub(crate) fn rename(&self, name: &str) -> Option<String> {
        name.strip_prefix(&self.prefix).map(self.form.rename)
    }

    /// Which dictionary was taken, where another could have been.
    pub(crate) fn note(&self) -> Option<String> {
        let others: Vec<String> = self.others.iter().map(|prefix| shown(prefix)).collect();
        (!others.is_empty()).then(|| {
            format!(
                "taken from its dictionary {}; --dictionary chooses another: {}",
                shown(&self.prefix),
                others.join(", ")
            )
        })
    }
}

/// What stands before a form's mark in a name; none where the name does not end with a mark.
fn around_mark<'a>(name: &'a str, form: &Published) -> Option<&'a str> {
    let before = |mark: &&str| {
        name.strip_suffix(*mark).filter(|before| before.is_empty() || before.ends_with('.'))
    };
    // Of marks that end alike, the longest is meant.
    form.marks.iter().filter_map(before).min_by_key(|before| before.len())
}

/// A dictionary as users name it.
fn shown(prefix: &str) -> String {
    match prefix.trim_end_matches('.').trim_end_matches(".module") {
        "" | "module" => "the outermost".to_owned(),
        name => format!("`{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::architecture::PUBLISHED;

    const LPMFLOW: &str = "feature_extraction.backbone.patch_embed.proj.weight";
    const IBOT: &str = "patch_embed.proj.weight";

    fn recognised(names: &[String], dictionary: Option<&str>) -> Result<Option<Naming>> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Naming::recognise(&names, PUBLISHED, dictionary)
    }

    #[test]
    fn weights_are_found_in_a_dictionary_of_any_name() {
        for before in ["", "module.", "model.", "net.module.", "ema.", "checkpoint.generator."] {
            let names = [format!("{before}{LPMFLOW}"), "optimizer.state.0.exp_avg".to_owned()];
            let naming = recognised(&names, None).unwrap().unwrap();
            assert_eq!(naming.form.name, "LPMFlow");
            assert_eq!(naming.rename(&format!("{before}x_normal")).as_deref(), Some("x_normal"));
            assert_eq!(naming.rename("optimizer.state.0.exp_avg").is_some(), before.is_empty());
            assert_eq!(naming.note(), None);
        }
    }

    #[test]
    fn of_several_the_user_chooses_unless_one_is_usual() {
        let names: Vec<String> = ["ema.", "model.module."].map(|p| format!("{p}{LPMFLOW}")).into();
        let error = recognised(&names, None).unwrap_err().to_string();
        assert!(error.contains("LPMFlow: `ema`, `model`; choose one with --dictionary"), "{error}");
        for (dictionary, prefix) in [("ema", "ema."), ("model", "model.module."), ("ema.", "ema.")]
        {
            assert_eq!(recognised(&names, Some(dictionary)).unwrap().unwrap().prefix, prefix);
        }
        assert!(recognised(&names, Some("em")).unwrap().is_none());

        let names: Vec<String> = ["ema.", "state_dict."].map(|p| format!("{p}{LPMFLOW}")).into();
        let naming = recognised(&names, None).unwrap().unwrap();
        assert_eq!(naming.prefix, "state_dict.");
        assert!(naming.note().unwrap().ends_with("chooses another: `ema`"));
    }

    #[test]
    fn forms_are_told_apart_by_their_longest_marks() {
        // The authors' files have a patch embedding in their encoder too.
        let names = [LPMFLOW.to_owned(), format!("encoder.{IBOT}")];
        assert_eq!(recognised(&names, None).unwrap().unwrap().form.name, "LPMFlow");
        let names: Vec<String> =
            ["student.module.backbone.", "teacher.backbone."].map(|p| format!("{p}{IBOT}")).into();
        let naming = recognised(&names, None).unwrap().unwrap();
        assert_eq!((naming.form.name, &*naming.prefix), ("a DINO or iBOT backbone", "teacher."));
        assert!(naming.note().unwrap().contains("`student`"));
        let names: Vec<String> = ["k", "q"]
            .map(|n| format!("state_dict.module.encoder_{n}.layer1.0.conv1.weight"))
            .into();
        let naming = recognised(&names, None).unwrap().unwrap();
        assert_eq!(naming.form.name, "a ResNet of bottlenecks");
        assert_eq!(naming.prefix, "state_dict.module.encoder_q.");
        assert!(naming.note().unwrap().ends_with("another: `state_dict.module.encoder_k`"));
        assert!(recognised(&["head.weight".to_owned()], None).unwrap().is_none());
    }
}
