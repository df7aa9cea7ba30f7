//! Two machines, as far as the network can tell: each process in a network of its own, with a cable between.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{free_port, member, metrics, toy};
use crate::command::ended;

/// The names of the networks and of the ends of the cable; others than those of another run of the tests.
struct Networks([String; 2]);

impl Networks {
    /// Lays the cable; says why not where that is not allowed.
    fn new() -> Option<Self> {
        let process = std::process::id();
        let names = [0, 1].map(|host| format!("lpmflow{process}h{host}"));
        let ends = [0, 1].map(|host| format!("lf{}x{host}", process % 1_000_000));
        let networks = Self(names);
        for (host, name) in networks.0.iter().enumerate() {
            if !ip(&format!("netns add {name}")) {
                println!("skipped: networks of one's own need root and `ip`, of iproute2");
                return None;
            }
            assert!(ip(&format!("-n {name} link set lo up")), "network {host}");
        }
        assert!(ip(&format!("link add {} type veth peer name {}", ends[0], ends[1])));
        for (host, (name, end)) in networks.0.iter().zip(&ends).enumerate() {
            assert!(ip(&format!("link set {end} netns {name}")));
            assert!(ip(&format!("-n {name} addr add 10.77.0.{}/24 dev {end}", host + 1)));
            assert!(ip(&format!("-n {name} link set {end} up")));
        }
        Some(networks)
    }

    /// The same command in one of the networks.
    fn within(&self, host: usize, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.0[host]]).arg(command.get_program());
        inside.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside.env("MASTER_ADDR", "10.77.0.1");
        inside.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        inside
    }

    /// Pulls the cable.
    fn cut(&self) {
        let name = &self.0[1];
        let ends = Command::new("ip").args(["-n", name, "-o", "link"]).output().unwrap();
        let ends = String::from_utf8(ends.stdout).unwrap();
        let end = ends.split_whitespace().find(|word| word.starts_with("lf")).unwrap();
        let end = end.split('@').next().unwrap();
        assert!(ip(&format!("-n {name} link set {end} down")));
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for name in &self.0 {
            ip(&format!("netns delete {name}"));
        }
    }
}

fn ip(arguments: &str) -> bool {
    let mut command = Command::new("ip");
    let command = command.args(arguments.split(' ')).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn two_machines_train_together_and_a_cable_that_is_pulled_is_told() {
    let Some(networks) = Networks::new() else { return };
    let (toy, flags) = toy(6, "epochs = 1\nbatch_size = 1\n");
    for cut in [false, true] {
        let run = toy.path(&format!("run-{cut}"));
        let epochs = if cut { 400 } else { 1 };
        let arguments = toy.training(&run, &format!("{flags} --epochs {epochs}"));
        let port = free_port();
        let mut children = [0, 1]
            .map(|rank| networks.within(rank, &member(rank, 2, port, &arguments)).spawn().unwrap());
        let mut start = Instant::now();
        if cut {
            let reached =
                crate::training::child::wait(&mut children[0], || metrics(&run, "loss").len() >= 3);
            assert!(reached);
            // What is looked for once a second is seen.
            std::thread::sleep(Duration::from_millis(2500));
            networks.cut();
            start = Instant::now();
        }
        let runs = children.map(|child| ended(child.wait_with_output().unwrap()));
        if !cut {
            runs.into_iter().for_each(|run| drop(run.succeeded()));
            assert_eq!(metrics(&run, "loss").len(), 3);
            continue;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "it took {:?}", start.elapsed());
        let error = &runs[0].stderr;
        assert_eq!((runs[0].code, runs[1].code), (1, 1), "{error}");
        assert!(error.contains("rank 1 on `") && error.contains("is lost after step"), "{error}");
        // The other machine cannot know better.
        let error = &runs[1].stderr;
        assert!(error.contains("rank 0 on `") && error.contains("is lost after step"), "{error}");
    }
}
