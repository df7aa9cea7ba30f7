//! Training runs that go on while a test looks at what they leave.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::command::command;

/// No run of the tests takes this long.
const LIMIT: Duration = Duration::from_secs(300);

/// Starts the binary; what it says on stderr can be read when it has ended.
pub fn start(arguments: &[String]) -> Child {
    command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until `reached`; false when the process has ended by itself before that.
pub fn wait(child: &mut Child, reached: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !reached() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if start.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("the run does not get on");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

#[test]
fn the_end_of_a_process_ends_the_waiting() {
    assert!(!wait(&mut start(&["--version".to_owned()]), || false));
}
