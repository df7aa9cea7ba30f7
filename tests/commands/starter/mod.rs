//! Starts the real binary often and soon: libtorch takes a quarter of a second to tell itself what it can do, so
//! that is done once, in a process that stands before its `main` and forks where a test starts the program.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{LazyLock, Mutex};
use std::{env, thread};

use crate::command::PROGRAM;

/// The process that forks; asked through its stdin, at whose end it ends.
static STARTER: LazyLock<Mutex<Child>> = LazyLock::new(|| Mutex::new(start()));

fn start() -> Child {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("starter.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/commands/starter/starter.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", source, "-ldl", "-o"])
        .arg(&library)
        .status();
    assert!(compiled.expect("the C compiler that builds dependencies").success(), "{source}");
    let mut starter = Command::new(PROGRAM)
        .env("LD_PRELOAD", &library)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0];
    starter.stdout.take().unwrap().read_exact(&mut ready).expect("the starter is ready");
    starter
}

/// What the program leaves that is run with these arguments, this input and these environment variables beside
/// this process's own; `None` are taken away from those.
///
/// What libraries read from the environment while they are loaded is as it was when the first test ran.
pub fn output(arguments: &[OsString], input: &str, variables: &[(&str, Option<&str>)]) -> Output {
    let (take, mut give) = pipe().unwrap();
    let [(mut stdout, to_stdout), (mut stderr, to_stderr), (mut status, to_status)] =
        [(); 3].map(|()| pipe().unwrap());
    let files =
        [take.as_raw_fd(), to_stdout.as_raw_fd(), to_stderr.as_raw_fd(), to_status.as_raw_fd()];
    let request = request(arguments, files, variables);
    let asked = STARTER.lock().unwrap().stdin.as_mut().unwrap().write_all(&request);
    asked.expect("the starter lives");
    // Open there: here they can be closed, so that each is at its end when the program is.
    status.read_exact(&mut [0]).expect("the starter takes the request");
    drop((take, to_stdout, to_stderr, to_status));
    let (stdout, stderr) = thread::scope(|scope| {
        let stderr = scope.spawn(move || everything(&mut stderr));
        scope.spawn(move || give.write_all(input.as_bytes()).ok());
        (everything(&mut stdout), stderr.join().unwrap())
    });
    let mut code = [0; size_of::<i32>()];
    status.read_exact(&mut code).expect("the starter answers");
    Output { status: ExitStatus::from_raw(i32::from_ne_bytes(code)), stdout, stderr }
}

fn everything(from: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}

/// A request as `starter.c` takes it.
fn request(arguments: &[OsString], files: [i32; 4], variables: &[(&str, Option<&str>)]) -> Vec<u8> {
    let mut environment: BTreeMap<OsString, OsString> = env::vars_os().collect();
    for (name, value) in variables {
        match value {
            Some(value) => environment.insert((*name).into(), (*value).into()),
            None => environment.remove(OsStr::new(name)),
        };
    }
    let mut texts = Vec::new();
    let mut push = |text: &[u8]| texts.extend([text, &[0]].concat());
    push(std::process::id().to_string().as_bytes());
    files.iter().for_each(|file| push(file.to_string().as_bytes()));
    push((arguments.len() + 1).to_string().as_bytes());
    push(PROGRAM.as_bytes());
    arguments.iter().for_each(|argument| push(argument.as_bytes()));
    for (name, value) in &environment {
        push(&[name.as_bytes(), b"=", value.as_bytes()].concat());
    }
    [&texts.len().to_ne_bytes()[..], &texts].concat()
}
