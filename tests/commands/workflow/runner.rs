//! Runs the steps of the workflow as GitHub's runner does: each script as it stands, by the same shell, with the same
//! variables. Only what reaches beyond this machine is replaced: the checkout and the build by the program at hand, artifacts
//! and `gh` by a folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use yaml_rust2::{Yaml, YamlLoader};

use crate::command::PROGRAM;

/// GitHub's program, as far as the workflow uses it: the runs there are, and what they left.
const GH: &str = "#!/bin/bash
case \"$1 $2\" in
    'run list') ls \"$ARTIFACTS\" | tail -n 1 ;;
    'run download')
        [ -d \"$ARTIFACTS/$3/$5\" ] || { echo 'no artifact matches' >&2; exit 1; }
        mkdir -p \"$7\" && cp \"$ARTIFACTS/$3/$5\"/* \"$7\" ;;
    *) exit 2 ;;
esac
";

/// What a workflow is started by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    Push,
    PullRequest,
}

type Change<'a> = (&'a str, &'a dyn Fn(&Path));

/// A job of the workflow on the drawn objects.
pub struct Job<'a> {
    event: Event,
    instructions: &'a str,
    variables: Vec<(&'a str, PathBuf)>,
    changes: Vec<Change<'a>>,
}

impl<'a> Job<'a> {
    pub fn new(event: Event, instructions: &'a str) -> Self {
        Self { event, instructions, variables: Vec::new(), changes: Vec::new() }
    }

    /// The same with a variable in its environment.
    pub fn with(mut self, name: &'a str, path: &Path) -> Self {
        self.variables.push((name, path.to_owned()));
        self
    }

    /// The same with something done to its workspace before a step.
    pub fn before(mut self, step: &'a str, change: &'a dyn Fn(&Path)) -> Self {
        self.changes.push((step, change));
        self
    }
}

/// What a job left.
pub struct Ended {
    /// The exit code of the step that failed, 0 if none did.
    pub code: i32,
    /// What all steps printed.
    pub log: String,
    /// The page of the job.
    pub summary: String,
    workspace: tempfile::TempDir,
}

impl Ended {
    /// A file of its workspace.
    pub fn file(&self, name: &str) -> PathBuf {
        self.workspace.path().join(name)
    }
}

/// Where jobs run, and what they leave for others.
pub struct Runner {
    folder: tempfile::TempDir,
    runs: usize,
}

impl Runner {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("bin");
        fs::create_dir_all(&programs).unwrap();
        fs::create_dir(folder.path().join("artifacts")).unwrap();
        fs::write(programs.join("gh"), GH).unwrap();
        fs::set_permissions(programs.join("gh"), PermissionsExt::from_mode(0o755)).unwrap();
        Self { folder, runs: 0 }
    }

    /// Runs all steps of a job in a workspace of its own.
    pub fn run(&mut self, job: &Job) -> Ended {
        self.runs += 1;
        let workflow = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/examples/accuracy.yml");
        let workflow = fs::read_to_string(workflow).unwrap();
        let document = YamlLoader::load_from_str(&workflow).unwrap().remove(0);
        let definition = &document["jobs"]["pck"];
        let workspace = tempfile::tempdir().unwrap();
        fs::create_dir_all(workspace.path().join("target/debug")).unwrap();
        symlink(PROGRAM, workspace.path().join("target/debug/lpmflow")).unwrap();
        let summary = self.folder.path().join("summary");
        fs::write(&summary, "").unwrap();
        let mut ended = Ended { code: 0, log: String::new(), summary: String::new(), workspace };
        for step in definition["steps"].as_vec().unwrap() {
            let condition = step["if"].as_str().unwrap_or_default();
            let is_due = match condition {
                "" => ended.code == 0,
                "always()" => true,
                "github.event_name == 'pull_request'" => {
                    ended.code == 0 && job.event == Event::PullRequest
                }
                other => panic!("the condition `{other}` is not known here"),
            };
            if is_due {
                self.step(step, definition, job, &mut ended);
            }
        }
        ended.summary = fs::read_to_string(summary).unwrap();
        ended
    }

    fn step(&self, step: &Yaml, definition: &Yaml, job: &Job, ended: &mut Ended) {
        if let Some(action) = step["uses"].as_str() {
            match action.split('@').next().unwrap() {
                "actions/upload-artifact" => self.upload(&step["with"], job, ended),
                // The workspace is fresh and the program built.
                "actions/checkout" | "actions/cache" => {}
                other => panic!("the action `{other}` is not known here"),
            }
            return;
        }
        let name = step["name"].as_str().unwrap();
        let changes = job.changes.iter().filter(|(step, _)| *step == name);
        changes.for_each(|(_, change)| change(ended.workspace.path()));
        if name == "Build" {
            return;
        }
        let mut variables = BTreeMap::new();
        for table in [&definition["env"], &step["env"]] {
            for (name, value) in table.as_hash().into_iter().flatten() {
                let value = expanded(value.as_str().unwrap(), job);
                variables.insert(name.as_str().unwrap().to_owned(), value);
            }
        }
        let script = self.folder.path().join("step.sh");
        fs::write(&script, step["run"].as_str().unwrap()).unwrap();
        let (event, base) = match job.event {
            Event::Push => ("push", ""),
            Event::PullRequest => ("pull_request", "main"),
        };
        let path = std::env::var("PATH").unwrap();
        let programs = self.folder.path().join("bin");
        let mut command = Command::new("bash");
        command
            .args(["-c", "exec bash -e \"$0\" 2>&1"])
            .arg(&script)
            .current_dir(ended.workspace.path())
            .envs(&variables)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", event)
            .env("GITHUB_BASE_REF", base)
            .env("GITHUB_STEP_SUMMARY", self.folder.path().join("summary"))
            .env("ARTIFACTS", self.folder.path().join("artifacts"))
            .env("PATH", format!("{}:{path}", programs.display()))
            .envs(job.variables.iter().map(|(name, path)| (name, path)));
        for name in ["LPMFLOW_DATA_ROOT", "LPMFLOW_DATASETS", "LPMFLOW_DEVICE"] {
            command.env_remove(name);
        }
        if !job.variables.iter().any(|(name, _)| *name == "LPMFLOW_WEIGHTS") {
            command.env_remove("LPMFLOW_WEIGHTS");
        }
        let output = command.output().unwrap();
        ended.log.push_str(&format!("== {name}\n{}", String::from_utf8(output.stdout).unwrap()));
        if ended.code == 0 {
            ended.code = output.status.code().unwrap();
        }
    }

    /// Keeps the files that a step names, as far as they are there.
    fn upload(&self, with: &Yaml, job: &Job, ended: &Ended) {
        let name = expanded(with["name"].as_str().unwrap(), job);
        // Pull requests read what the main branch left, and it lists successful runs alone.
        if job.event != Event::Push || ended.code != 0 {
            return;
        }
        let folder = self.folder.path().join(format!("artifacts/{:04}/{name}", self.runs));
        fs::create_dir_all(&folder).unwrap();
        for file in with["path"].as_str().unwrap().lines() {
            fs::copy(ended.file(file), folder.join(file)).unwrap();
        }
    }
}

/// A text with GitHub's expressions replaced by what they mean here.
fn expanded(text: &str, job: &Job) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        let (expression, after) = after.split_once("}}").unwrap();
        result.push_str(before);
        result.push_str(match expression.trim() {
            "matrix.dataset" => "toy",
            "matrix.instructions" => job.instructions,
            "github.token" | "github.sha" => "0123456789abcdef",
            other => panic!("the expression `{other}` is not known here"),
        });
        rest = after;
    }
    result + rest
}
