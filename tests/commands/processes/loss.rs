//! Processes that are lost.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{children, free_port, member, metrics, send, toy};
use crate::command::{ended, lpmflow};
use crate::gate::GOOD_NEWS;
use crate::support::toy::Toy;
use crate::training::child::{start, wait};

/// The longest that a run may outlive one of its processes.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits for the end, which must come soon; what was said on stderr.
#[track_caller]
fn end_of(child: Child, code: i32) -> String {
    let start = Instant::now();
    let run = ended(child.wait_with_output().unwrap());
    assert!(start.elapsed() < LIMIT, "it took {:?}", start.elapsed());
    run.failed_with(code)
}

#[test]
fn a_worker_killed_at_random_moments_ends_the_run_and_resuming_loses_nothing() {
    let settings = "epochs = 4\nbatch_size = 1\ncheckpoint_every = 1\n";
    let (toy, flags) = toy(8, settings);
    let seed = match std::env::var("LPMFLOW_TEST_SEED") {
        Ok(seed) => seed.parse().expect("LPMFLOW_TEST_SEED is a whole number"),
        Err(_) => rand::rng().random(),
    };
    println!("LPMFLOW_TEST_SEED={seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let whole = toy.path("whole");
    lpmflow(toy.training(&whole, &format!("{flags} --processes 2"))).succeeded();
    let killed = toy.path("killed");
    let mut arguments = toy.training(&killed, &format!("{flags} --processes 2"));
    for _ in 0..3 {
        let mut child = start(&arguments);
        let before = metrics(&killed, "loss").len();
        let further = rng.random_range(1..4);
        let reached = || {
            killed.join("last.safetensors").exists()
                && metrics(&killed, "loss").len().abs_diff(before) >= further
        };
        assert!(wait(&mut child, reached), "the run was too fast to be killed");
        std::thread::sleep(Duration::from_millis(rng.random_range(0..60)));
        let workers = children(child.id());
        assert_eq!(workers.len(), 2);
        let rank = rng.random_range(0..2);
        send("-KILL", &workers[rank]);
        let error = end_of(child, 1);
        assert_eq!(error.matches("lpmflow: ").count(), 1, "{error}");
        let error = error.lines().find(|line| line.starts_with("lpmflow: ")).unwrap();
        assert!(error.contains(&format!("rank {rank} on `")), "{error}");
        assert!(
            error.contains("was killed by signal 9") && error.contains("after step "),
            "{error}"
        );
        assert!(error.contains("still stands (--resume "), "{error}");
        arguments = ["train", "--resume", killed.to_str().unwrap(), "--processes", "2"]
            .map(str::to_owned)
            .to_vec();
    }
    lpmflow(&arguments).succeeded();
    for file in ["last.safetensors", "best.safetensors"] {
        let bytes = |run: &Path| fs::read(run.join(file)).unwrap();
        assert!(bytes(&whole) == bytes(&killed), "`{file}` differs");
    }
}

#[test]
fn ctrl_c_saves_once_for_all_and_a_worker_asked_to_stop_stops_all() {
    let (toy, flags) = toy(8, "epochs = 40\nbatch_size = 1\n");
    for to_worker in [false, true] {
        let run = toy.path(&format!("run-{to_worker}"));
        let mut child = start(&toy.training(&run, &format!("{flags} --processes 2")));
        assert!(wait(&mut child, || metrics(&run, "loss").len() >= 2));
        let process =
            if to_worker { children(child.id())[1].clone() } else { child.id().to_string() };
        send("-INT", &process);
        let log = end_of(child, 130);
        assert!(log.contains("interrupted and saved"), "{log}");
        let steps = metrics(&run, "loss").len();
        assert!(run.join(format!("moments-{steps:08}.safetensors")).exists());
    }
}

#[test]
fn processes_of_a_launcher_tell_once_of_one_that_is_killed_or_stopped() {
    let (toy, flags) = toy(8, "epochs = 400\nbatch_size = 1\n");
    // One that is killed is noticed by its connections, one that stands still by its silence.
    for (signal, lost) in [("-KILL", 1), ("-STOP", 1), ("-KILL", 0)] {
        let run = toy.path(&format!("run{signal}{lost}"));
        let (port, arguments) = (free_port(), toy.training(&run, &flags));
        let mut children: Vec<Child> =
            (0..3).map(|rank| member(rank, 3, port, &arguments).spawn().unwrap()).collect();
        assert!(wait(&mut children[0], || metrics(&run, "loss").len() >= 3));
        // What is told once a second is told.
        std::thread::sleep(Duration::from_millis(2500));
        send(signal, &children[lost].id().to_string());
        let mut gone = children.remove(lost);
        let said: Vec<String> = children.into_iter().map(|child| end_of(child, 1)).collect();
        gone.kill().unwrap();
        gone.wait().unwrap();
        let told: Vec<&str> = said
            .iter()
            .flat_map(|log| log.lines().filter(|line| line.starts_with("lpmflow: ")))
            .collect();
        assert_eq!(told.len(), 1, "{said:#?}");
        let wanted = [&format!("rank {lost} on `"), "after step ", "still stands (--resume "];
        wanted.iter().for_each(|wanted| assert!(told[0].contains(*wanted), "{}", told[0]));
    }
}

#[test]
fn of_a_worker_of_eval_no_steps_are_told() {
    let toy = Toy::new(0, 40);
    let report = toy.path("report.json");
    let words = ["eval", "--processes", "2", "--report", report.to_str().unwrap()];
    let mut words: Vec<String> = words.map(str::to_owned).into();
    words.extend(toy.flags());
    let mut child = start(&words);
    let process = child.id();
    assert!(wait(&mut child, || children(process).len() == 2));
    send("-KILL", &children(child.id())[1]);
    let error = end_of(child, 1);
    assert!(error.contains("rank 1 on `") && error.contains("was killed by signal 9"), "{error}");
    assert!(!error.contains("step") && !report.exists(), "{error}");
}

#[test]
fn what_one_worker_cannot_do_is_told_once() {
    let (toy, flags) = toy(8, "epochs = 2\nbatch_size = 1\n");
    // A photo that one of the two comes to, whose first bytes alone are sound.
    let photo = toy.photos().join("3.png");
    let bytes = fs::read(&photo).unwrap();
    fs::write(&photo, &bytes[..bytes.len() / 2]).unwrap();
    let run = toy.path("run");
    let ended = lpmflow(toy.training(&run, &format!("{flags} --processes 2")));
    let alone = lpmflow(toy.training(&toy.path("alone"), &flags));
    assert!(ended.code != 0 && ended.code == alone.code, "{}, {}", ended.code, alone.code);
    let error = ended.stderr;
    assert_eq!(error.matches("lpmflow: ").count(), 1, "{error}");
    assert!(error.contains("3.png"), "{error}");
    assert!(error.contains("still stands (--resume "), "{error}");
}

#[test]
fn an_evaluation_that_loses_a_process_leaves_no_good_news_behind() {
    let toy = Toy::new(0, 7);
    let [junit, markdown] = ["junit.xml", "summary.md"].map(|name| toy.path(name));
    let outputs = format!("--junit {} --markdown {}", junit.display(), markdown.display());
    let arguments = |more: &str| -> Vec<String> {
        let words = format!("eval {outputs} {more}");
        words.split_whitespace().map(str::to_owned).chain(toy.flags()).collect()
    };
    let leave_good_news = || {
        GOOD_NEWS
            .iter()
            .zip([&junit, &markdown])
            .for_each(|(news, file)| fs::write(file, news).unwrap());
    };
    let bad_news = |error: &str, expected: &str| {
        assert!(error.contains(expected), "{error}");
        for file in [&junit, &markdown] {
            let text = fs::read_to_string(file).unwrap();
            assert!(text.contains(expected) && !text.contains("good news"), "{text}");
        }
        leave_good_news();
    };
    leave_good_news();
    // Before there is anything to evaluate with, however fast that is.
    for rank in 0..2 {
        let mut child = start(&arguments("--processes 2"));
        let launcher = child.id();
        assert!(wait(&mut child, || children(launcher).len() == 2));
        send("-KILL", &children(launcher)[rank]);
        bad_news(&end_of(child, 1), &format!("rank {rank} on `"));
    }
    let mut alone = member(0, 2, free_port(), &arguments(""));
    alone.env("LPMFLOW_JOIN_SECONDS", "2");
    bad_news(&end_of(alone.spawn().unwrap(), 1), "rank 1 has not come within 2 s");
}
