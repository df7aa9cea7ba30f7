//! Files from strangers, as readers meet them: none may make a reader panic or hang, or take much more memory
//! than it is large.
//!
//! `seeds/READER/` holds small files that are right, `found/READER/` those that once were too much for it.
//! Every run tries them as they are, and then changes of them: for a moment, or as many as `LPMFLOW_FUZZ` says
//! (`scripts/fuzz.sh`). Changes follow from `LPMFLOW_TEST_SEED`. Coverage does not guide them: the tools that do
//! need a compiler of their own.

mod mutation;
mod readers;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How long each reader is tried where nothing says how often.
const MOMENT: Duration = Duration::from_millis(700);

/// A file that takes longer hangs; files are small, and machines may be busy.
const LONGEST: Duration = Duration::from_secs(20);

/// Memory that a reader may take for each byte of its file.
const FACTOR: u64 = 20;

/// Memory that it may take for any file: buffers, tables of decoders, error messages.
const ALWAYS: u64 = 512 << 10;

/// A reader of files.
struct Reader {
    /// The name of its folders.
    name: &'static str,
    /// Reads a file, whatever comes of it.
    read: fn(&Path) -> Result<()>,
    /// Memory that it may take beyond that for every file: what a file asks for by itself.
    further: fn(&Path, &[u8]) -> u64,
}

/// Tries a reader; panics with the place of the first file that is too much for it.
fn fuzz(reader: &Reader) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    // On the one thread of a pool, what is done in parallel is done in this thread, whose memory is counted.
    pool.install(|| {
        let seeds = files("seeds", reader.name);
        let found = files("found", reader.name);
        assert!(!seeds.is_empty(), "`{}` has no seeds", reader.name);
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &Path| {
            folder.path().join("input").with_extension(name.extension().unwrap_or_default())
        };
        let is_read = |(name, bytes): &(PathBuf, Vec<u8>)| attempt(reader, &place(name), bytes);
        let read: Vec<bool> = seeds.iter().chain(&found).map(is_read).collect();
        assert!(read.contains(&true), "`{}` reads none of its seeds", reader.name);

        let seed = match std::env::var("LPMFLOW_TEST_SEED") {
            Ok(seed) => seed.parse().expect("LPMFLOW_TEST_SEED is a whole number"),
            Err(_) => rand::rng().random(),
        };
        println!("{}: LPMFLOW_TEST_SEED={seed}", reader.name);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let wanted = std::env::var("LPMFLOW_FUZZ").ok().map(|count| count.parse::<u64>().unwrap());
        let (names, contents): (Vec<_>, Vec<_>) = seeds.into_iter().chain(found).unzip();
        let start = Instant::now();
        let (mut executions, mut accepted) = (0, 0);
        while wanted.map_or(start.elapsed() < MOMENT, |wanted| executions < wanted) {
            let (chosen, bytes) = mutation::mutated(&mut rng, &contents);
            accepted += u64::from(attempt(reader, &place(&names[chosen]), &bytes));
            executions += 1;
        }
        println!("{}: {executions} files, {accepted} of them read", reader.name);
    });
}

/// Whether a file is read.
#[track_caller]
fn attempt(reader: &Reader, place: &Path, bytes: &[u8]) -> bool {
    // Anew: weights that were read stay mapped, and the system would look through all maps of one file.
    let _ = fs::remove_file(place);
    fs::write(place, bytes).unwrap();
    let read = reader.read;
    let start = Instant::now();
    let mut outcome = Ok(false);
    let memory = allocation_counter::measure(|| outcome = catch_unwind(|| read(place).is_ok()));
    let limit = ALWAYS + FACTOR * bytes.len() as u64 + (reader.further)(place, bytes);
    let problem = match outcome {
        Err(_) => "it panics".to_owned(),
        Ok(_) if start.elapsed() > LONGEST => format!("it takes {:?}", start.elapsed()),
        Ok(_) if memory.bytes_max > limit => {
            format!("it takes {} bytes of memory, of {limit}", memory.bytes_max)
        }
        Ok(read) => return read,
    };
    let mut hash = DefaultHasher::new();
    bytes.hash(&mut hash);
    let kept = std::env::temp_dir().join(format!("lpmflow-{}-{:016x}", reader.name, hash.finish()));
    let kept = kept.with_extension(place.extension().unwrap_or_default());
    fs::write(&kept, bytes).unwrap();
    panic!(
        "`{}` with the file `{}` ({} bytes): {problem}",
        reader.name,
        kept.display(),
        bytes.len()
    );
}

/// The files of a reader, sorted by name.
fn files(kind: &str, reader: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inside/fuzz").join(kind).join(reader);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn what_a_reader_may_not_do_is_noticed() {
    let reader = |read| Reader { name: "test", read, further: |_, _| 0 };
    let folder = tempfile::tempdir().unwrap();
    let fails = |read| {
        let place = folder.path().join("input");
        let message = catch_unwind(|| attempt(&reader(read), &place, b"123456789")).unwrap_err();
        let message = message.downcast::<String>().unwrap();
        let kept = message.split('`').nth(3).unwrap();
        fs::remove_file(kept).unwrap();
        message
    };
    assert!(fails(|_| panic!("on purpose")).ends_with("it panics"));
    let greedy = fails(|path| {
        let bytes = fs::read(path)?;
        drop(vec![bytes[0]; (ALWAYS + 10 * FACTOR) as usize]);
        Ok(())
    });
    assert!(greedy.contains("bytes of memory"), "{greedy}");
}
