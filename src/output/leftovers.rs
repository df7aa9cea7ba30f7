//! What killed runs left half written.

use std::fs::{self, DirEntry, File};
use std::io;
use std::path::Path;

use crate::output::unfinished::PREFIX;

/// Names a file that is locked as long as the folder that holds it is under way.
pub(super) const LOCK: &str = ".lock";

/// Letters and digits behind [`PREFIX`].
const RANDOM: usize = 6;

/// The ending of all that folders hold that versions before this one made.
const FORMER: &str = "pt";

/// Clears what killed runs left half written in a folder. What a run beside this one is writing stays: it is
/// locked. What cannot be cleared stays as well, for it is in nobody's way.
pub(crate) fn clear(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| is_temporary(&entry.file_name())) {
        let _ = clear_one(&entry);
    }
}

/// Names as this program gives them: others may begin likewise.
fn is_temporary(name: &std::ffi::OsStr) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    rest.is_some_and(|rest| {
        rest.len() == RANDOM && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn clear_one(entry: &DirEntry) -> io::Result<()> {
    let (path, kind) = (entry.path(), entry.file_type()?);
    if kind.is_dir() {
        return if is_left(&path)? { fs::remove_dir_all(path) } else { Ok(()) };
    }
    if kind.is_file() {
        let file = File::open(&path)?;
        if file.try_lock().is_ok() {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Whether a folder is one of this program's that nobody fills any more.
fn is_left(folder: &Path) -> io::Result<bool> {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => Ok(lock.try_lock().is_ok()),
        Err(_) => {
            let former = |entry: DirEntry| entry.path().extension().is_some_and(|it| it == FORMER);
            let mut entries = fs::read_dir(folder)?.peekable();
            // Empty is one that is just being made.
            Ok(entries.peek().is_some() && entries.all(|entry| entry.is_ok_and(former)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::unfinished::temporary;

    #[test]
    fn what_nobody_writes_is_cleared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let beside = temporary(folder.path()).unwrap();
        fs::write(path(".lpmflow-a1b2c3"), "half").unwrap();
        fs::create_dir(path(".lpmflow-d4e5f6")).unwrap();
        fs::write(path(".lpmflow-d4e5f6/traced.pt"), "half").unwrap();
        let others =
            [".lpmflow-notes", ".lpmflow-a.b2c3", ".lpmflow-", "lpmflow-a1b2c3", "result.json"];
        others.iter().for_each(|name| fs::write(path(name), "mine").unwrap());
        let folders = [".lpmflow-cache", ".lpmflow-caches"];
        for name in folders {
            fs::create_dir(path(name)).unwrap();
            fs::write(path(name).join("mine"), "mine").unwrap();
        }
        fs::create_dir(path(".lpmflow-g7h8i9")).unwrap();
        fs::write(path(".lpmflow-g7h8i9/.lock"), "").unwrap();
        std::os::unix::fs::symlink("result.json", path(".lpmflow-link")).unwrap();

        clear(folder.path());
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let beside = beside.path().file_name().unwrap().to_str().unwrap().to_owned();
        let mut expected = [
            &others.map(str::to_owned)[..],
            &folders.map(str::to_owned),
            &[beside, ".lpmflow-link".into()],
        ]
        .concat();
        expected.sort();
        assert_eq!(names, expected);
        clear(&path("missing"));
    }

    /// Runs that clear and runs that write, all in one folder.
    #[test]
    fn a_file_under_way_is_never_lost_to_a_run_that_clears() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..2)
                .map(|writer| {
                    let folder = folder.path();
                    scope.spawn(move || {
                        for number in 0..200 {
                            let path = folder.join(format!("{writer}-{number}"));
                            crate::output::write(&path, |file| {
                                Ok(io::Write::write_all(file, b"whole")?)
                            })
                            .unwrap();
                        }
                    })
                })
                .collect();
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                clear(folder.path());
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 400);
    }
}
