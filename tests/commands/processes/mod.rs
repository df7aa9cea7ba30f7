//! Several processes that share the work of one command, through the real binary, on the CPU.

mod equality;
mod hang;
mod interruption;
mod loss;
mod meeting;
mod network;
mod sharing;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::command::{Run, command, ended};
use crate::support::toy::Toy;

/// A dataset, and the beginning of all training on it: every step is told.
fn toy(pairs: usize, settings: &str) -> (Toy, String) {
    let toy = Toy::new(pairs, 2);
    let file = toy.path("settings.toml");
    fs::write(&file, format!("log_every = 1\n{settings}")).unwrap();
    let flags = format!("--config {} --learning-rate 1e-3", file.display());
    (toy, flags)
}

/// The lines of a run's metrics that have `key`.
fn metrics(run: &Path, key: &str) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line.get(key).is_some()).collect()
}

/// A port that was free just now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// One of several processes, as a launcher starts it.
fn member(rank: usize, world: usize, port: u16, arguments: &[String]) -> Command {
    let mut command = command(arguments);
    for (name, value) in [
        ("RANK", rank.to_string()),
        ("LOCAL_RANK", rank.to_string()),
        ("WORLD_SIZE", world.to_string()),
        ("MASTER_ADDR", "127.0.0.1".to_owned()),
        ("MASTER_PORT", port.to_string()),
        ("LPMFLOW_JOIN_SECONDS", "60".to_owned()),
    ] {
        command.env(name, value);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The processes that a process has started.
fn children(process: u32) -> Vec<String> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    list.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

fn send(signal: &str, process: &str) {
    Command::new("kill").args([signal, process]).status().unwrap();
}

/// Runs them all at once, each to its end.
fn all(commands: Vec<Command>) -> Vec<Run> {
    let children: Vec<_> =
        commands.into_iter().map(|mut command| command.spawn().unwrap()).collect();
    children.into_iter().map(|child| ended(child.wait_with_output().unwrap())).collect()
}
