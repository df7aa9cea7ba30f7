//! Tests in processes of their own: libtorch reads some settings once, before its first sum, and has one
//! generator of random numbers for all threads.

use std::any::type_name;
use std::env;
use std::process::Command;

/// Set in a process that was started for one test, to that test's name.
const OWN: &str = "LPMFLOW_TEST_OWN_PROCESS";

/// One thread for libtorch and one for decoding: nothing depends on the machine, and tests run side by
/// side already.
pub const ONE_THREAD: [(&str, &str); 2] = [("OMP_NUM_THREADS", "1"), ("RAYON_NUM_THREADS", "1")];

/// Runs `body`, the closure of a test that does nothing else, in a process of its own with `settings` in
/// its environment.
#[track_caller]
pub fn in_own_process<F: FnOnce()>(settings: &[(&str, &str)], body: F) {
    // `lpmflow::inside::network::a_test::{{closure}}`
    let path = type_name::<F>().trim_end_matches("::{{closure}}");
    let (_, name) = path.split_once("::").expect("a path in this crate");
    if env::var(OWN).is_ok_and(|own| own == name) {
        return body();
    }
    let output = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", name, "--nocapture"])
        .env(OWN, name)
        .env_remove("LPMFLOW_THREADS")
        .env_remove("OMP_WAIT_POLICY")
        .env_remove("GOMP_SPINCOUNT")
        .envs(settings.iter().copied())
        .output()
        .expect("this program starts again");
    let [said, complained] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    println!("{said}{complained}");
    assert!(output.status.success() && said.contains("1 passed"), "`{name}` failed in its process");
}

#[test]
fn settings_are_those_of_the_own_process_alone() {
    const SETTING: &str = "LPMFLOW_TEST_SETTING";
    let outside = env::var(OWN).is_err();
    assert!(!outside || env::var(SETTING).is_err());
    in_own_process(&[(SETTING, "seen")], || assert_eq!(env::var(SETTING).unwrap(), "seen"));
    assert!(!outside || env::var(SETTING).is_err());
}

#[test]
#[should_panic(expected = "failed in its process")]
fn a_failure_in_the_own_process_is_a_failure() {
    if env::var(OWN).is_ok() {
        // There `should_panic` makes a success of a panic, so the opposite.
        return;
    }
    in_own_process(&[], || panic!("on purpose"));
}
