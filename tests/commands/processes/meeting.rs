//! Processes that do not go together, or do not find one another.

use std::fs;
use std::net::TcpListener;

use super::{all, free_port, member, toy};
use crate::command::{lpmflow, lpmflow_in};

#[test]
fn ports_in_use_and_places_where_nobody_is_are_told() {
    let (toy, flags) = toy(2, "");
    let arguments = toy.training(&toy.path("run"), &flags);
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut commands = vec![member(0, 2, port, &arguments), member(1, 2, free_port(), &arguments)];
    for command in &mut commands {
        command.env("LPMFLOW_JOIN_SECONDS", "3");
    }
    let mut nowhere = member(1, 2, free_port(), &arguments);
    nowhere.env("MASTER_ADDR", "no-such-machine.invalid");
    commands.push(nowhere);
    let runs = all(commands);
    let wanted = [
        &format!("opening port {port}")[..],
        "nobody answered at 127.0.0.1:",
        "no machine is found by that name",
    ];
    for (run, wanted) in runs.into_iter().zip(wanted) {
        let error = run.failed_with(1);
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn who_is_missing_is_named() {
    let (toy, flags) = toy(2, "");
    let arguments = toy.training(&toy.path("run"), &flags);
    let port = free_port();
    let commands = [0, 1].map(|rank| {
        let mut command = member(rank, 3, port, &arguments);
        command.env("LPMFLOW_JOIN_SECONDS", "3");
        command
    });
    for run in all(commands.into()) {
        let error = run.failed_with(1);
        assert!(error.contains("joining 3 processes as rank "), "{error}");
        let told = ["rank 2 has not come within 3 s", "rank 0 has ended"];
        assert!(told.iter().any(|told| error.contains(told)), "{error}");
    }
}

#[test]
fn other_world_sizes_data_weights_and_settings_are_refused() {
    let (toy, flags) = toy(4, "epochs = 1\nbatch_size = 1\n");
    let other = super::toy(4, "epochs = 1\nbatch_size = 1\n").0;
    let list = fs::read_to_string(other.path("toy/train.csv")).unwrap();
    let fewer: Vec<&str> = list.lines().take(4).collect();
    fs::write(other.path("toy/train.csv"), fewer.join("\n") + "\n").unwrap();
    let run = toy.path("run");
    let usual = toy.training(&run, &flags);
    let cases = [
        (3, usual.clone(), "WORLD_SIZE is "),
        (
            2,
            toy.training(&run, &format!("{flags} --seed 3")),
            "has other settings than rank 0 on `",
        ),
        (2, other.training(&run, &flags), "has other data than rank 0 on `"),
    ];
    for (world, arguments, wanted) in cases {
        assert_refused(&usual, (world, &arguments), wanted);
    }
    let weights = ["1", "2"].map(|seed| {
        let trained = toy.path(seed);
        lpmflow(toy.training(&trained, &format!("{flags} --seed {seed}"))).succeeded();
        toy.training(&run, &format!("{flags} --init {}/last.safetensors", trained.display()))
    });
    assert_refused(&weights[0], (2, &weights[1]), "has other weights than rank 0 on `");
    assert!(!run.join("best.safetensors").exists());
}

/// Two processes with these arguments, the second of so many as it believes, end and say why.
fn assert_refused(first: &[String], (world, second): (usize, &[String]), wanted: &str) {
    let port = free_port();
    let runs = all(vec![member(0, 2, port, first), member(1, world, port, second)]);
    let said: String = runs.iter().map(|run| run.stderr.as_str()).collect();
    assert!(runs.iter().all(|run| run.code == 1), "{said}");
    assert!(said.contains(wanted), "{wanted}: {said}");
}

#[test]
fn places_that_contradict_themselves_and_workers_of_workers_are_refused() {
    let two = ("WORLD_SIZE", "2");
    let train = ["train", "--photos", ".", "--output", "run"];
    let error = lpmflow_in(&[two], train).failed_with(1);
    assert!(error.contains("RANK is not set"), "{error}");
    let place =
        [two, ("RANK", "0"), ("LOCAL_RANK", "0"), ("MASTER_ADDR", "a"), ("MASTER_PORT", "1")];
    let error = lpmflow_in(&place, [&train[..], &["--processes", "2"]].concat()).failed_with(2);
    assert!(error.contains("leave --processes out"), "{error}");
    let error = lpmflow([&train[..], &["--processes", "0"]].concat()).failed_with(2);
    assert!(error.contains("processes are a number from 1"), "{error}");
}
