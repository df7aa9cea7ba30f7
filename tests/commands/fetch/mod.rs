//! `datasets fetch` from a server that the test is: whole, cut off, changed, and hostile.
#![cfg(unix)]

mod server;

use std::fs;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::command::{Run, lpmflow};
use crate::support::evaluation::text;
use crate::support::files::names;
use crate::support::spair::TinySpair;
use server::Server;

/// A catalog, what a server offers for it, and an empty data root.
struct Offer {
    folder: tempfile::TempDir,
    server: Server,
    list: Vec<u8>,
    /// Whether the catalog knows the list's SHA-256.
    is_known: bool,
}

/// An archive of the tiny dataset, wrapped in two folders as some publish it, without its list.
fn archive(dataset: &TinySpair) -> Vec<u8> {
    let root = dataset.data_root().join("SPair-71k");
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for part in ["JPEGImages", "PairAnnotation"] {
        builder.append_dir_all(format!("published/data/{part}"), root.join(part)).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

impl Offer {
    fn new() -> Self {
        let dataset = TinySpair::write();
        let list = fs::read(dataset.data_root().join("SPair-71k/Layout/large/test.txt")).unwrap();
        let files = [("mini.tar.gz", archive(&dataset)), ("list.txt", list.clone())];
        let server = Server::start(files);
        Self { folder: tempfile::tempdir().unwrap(), server, list, is_known: true }
    }

    /// Writes the catalog.
    fn catalog(&self) -> PathBuf {
        let address = self.server.address();
        let sha256 = match self.is_known {
            true => format!("sha256 = \"{}\"\n", digest(&self.list)),
            false => String::new(),
        };
        let text = format!(
            "[mini]\ntitle = \"Mini\"\nlayout = \"spair71k\"\nroot = \"Mini\"\ndefault_split = \"test\"\n\
             protocol = \"standard\"\nlicence = \"for tests alone\"\ncitation = \"nobody\"\n\
             [mini.splits]\ntest = \"Layout/large/test.txt\"\n\
             [[mini.files]]\nurl = \"{address}/mini.tar.gz?download=1\"\nmakes = \"JPEGImages\"\n\
             [[mini.files]]\nurl = \"{address}/list.txt\"\nmakes = \"Layout/large/test.txt\"\n{sha256}"
        );
        let path = self.folder.path().join("catalog.toml");
        fs::write(&path, text).unwrap();
        path
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, command: &str, more: &[&str]) -> Run {
        let catalog = self.catalog();
        let data = self.data();
        let fixed =
            ["datasets", command, "mini", "--datasets", text(&catalog), "--data-root", text(&data)];
        lpmflow([&fixed[..], more].concat())
    }

    fn fetch(&self) -> Run {
        self.run("fetch", &["--yes"])
    }

    /// Ensures that the dataset is whole, and that nothing else is in the data root.
    #[track_caller]
    fn assert_whole(&self) {
        assert_eq!(names(&self.data()), ["Mini"]);
        let Run { stdout, .. } = self.run("check", &[]).succeeded();
        assert!(stdout.contains("every pair can be used"), "{stdout}");
    }
}

fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_fetched_is_shown_asked_about_and_sound() {
    let offer = Offer::new();
    let Run { code, stdout, stderr } = offer.run("fetch", &[]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("--yes"), "{stderr}");
    let size =
        format!("{:.0} kB; no SHA-256 is known", offer.server.length("mini.tar.gz") as f64 / 1e3);
    for expected in
        ["licence: for tests alone", "/mini.tar.gz?download=1 (", &size, "compared with a known"]
    {
        assert!(stdout.contains(expected), "`{expected}` is not in:\n{stdout}");
    }
    assert!(!offer.data().exists(), "nothing is written before the answer");
    let Run { code, stderr, .. } = offer.run("check", &[]);
    assert!(code == 4 && stderr.contains("`lpmflow datasets fetch mini` gets it"), "{stderr}");

    let Run { stdout, stderr, .. } = offer.fetch().succeeded();
    assert!(stdout.contains("Mini is there now"), "{stdout}");
    assert!(stderr.contains(&format!("SHA-256 {}, as expected", digest(&offer.list))), "{stderr}");
    offer.assert_whole();
    let requests = offer.server.requests();
    assert!(offer.fetch().succeeded().stdout.contains("is there already"));
    assert_eq!(offer.server.requests(), requests, "nobody was asked for what is there");
    let about = offer.run("list", &[]).succeeded().stdout;
    assert!(
        about.contains("licence   for tests alone") && about.contains("datasets check mini"),
        "{about}"
    );

    // The list alone is missing.
    fs::remove_file(offer.data().join("Mini/Layout/large/test.txt")).unwrap();
    let Run { code, stderr, .. } = offer.run("check", &[]);
    assert!(code == 4 && stderr.contains("datasets fetch mini` gets what is missing"), "{stderr}");
    offer.fetch().succeeded();
    assert_eq!(offer.server.requests().len(), requests.len() + 2);
    offer.assert_whole();
}

#[test]
fn lost_connections_are_gone_on_with_in_one_run_and_in_the_next() {
    let offer = Offer::new();
    let all = offer.server.length("mini.tar.gz");
    offer.server.cut(&[1000, 500]);
    let Run { stderr, .. } = offer.fetch().succeeded();
    assert!(stderr.contains("the connection ended after 1000 of"), "{stderr}");
    offer.assert_whole();
    let ranges = [
        "GET /mini.tar.gz?download=1",
        "GET /mini.tar.gz?download=1 1000-",
        "GET /mini.tar.gz?download=1 1500-",
    ];
    assert_eq!(offer.server.requests()[2..5], ranges);

    fs::remove_dir_all(offer.data()).unwrap();
    offer.server.cut(&[2000, 0, 0, 0, 0, 0]);
    let error = offer.fetch().failed_with(4);
    assert!(error.contains("the same command goes on where this one ended"), "{error}");
    assert_eq!(names(&offer.data()), [".lpmflow-downloads"]);
    let before = offer.server.requests().len();
    offer.server.cut(&[]);
    offer.fetch().succeeded();
    let requests = offer.server.requests().split_off(before);
    assert!(requests.contains(&"GET /mini.tar.gz?download=1 2000-".to_owned()), "{requests:?}");
    assert_eq!(offer.server.sent(), all - 2000);
    offer.assert_whole();
}

#[test]
fn another_version_is_not_gone_on_with() {
    let offer = Offer::new();
    offer.server.cut(&[2000, 0, 0, 0, 0, 0]);
    offer.fetch().failed_with(4);
    offer.server.cut(&[]);
    offer.server.replace("mini.tar.gz", archive(&TinySpair::write()));
    offer.fetch().succeeded();
    assert_eq!(offer.server.sent(), offer.server.length("mini.tar.gz"));
    offer.assert_whole();
}

#[test]
fn what_is_not_what_it_should_be_goes_nowhere() {
    let offer = Offer::new();
    offer.server.replace("list.txt", b"another list\n".to_vec());
    let error = offer.fetch().failed_with(4);
    assert!(error.contains("it is not the file that is known: its SHA-256 is "), "{error}");
    assert!(error.contains(&digest(&offer.list)), "{error}");
    assert!(!offer.data().join("Mini/Layout").exists());
    assert!(offer.data().join("Mini/JPEGImages").exists(), "what is whole stays");
    offer.server.replace("list.txt", offer.list.clone());
    offer.fetch().succeeded();
    offer.assert_whole();

    let hostile = Offer::new();
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    let name = b"JPEGImages/../../../outside";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    builder.append(&header, &b"x"[..]).unwrap();
    let bytes = builder.into_inner().unwrap().finish().unwrap();
    hostile.server.replace("mini.tar.gz", bytes);
    let error = hostile.fetch().failed_with(4);
    assert!(error.contains("leads out of the folder that it is unpacked into"), "{error}");
    assert_eq!(names(hostile.folder.path()), ["catalog.toml", "data"]);
    assert_eq!(names(&hostile.data()), [".lpmflow-downloads"]);

    hostile.server.replace("mini.tar.gz", archive(&TinySpair::write()));
    let gone = |name: &str| {
        hostile.server.remove(name);
        hostile.fetch().failed_with(4)
    };
    let error = gone("list.txt");
    assert!(error.contains("404") && error.contains("--from takes another address"), "{error}");
}

#[test]
fn files_of_this_machine_or_another_address_take_their_place() {
    let (offer, mirror) = (Offer::new(), Offer::new());
    let from = |from: &str| offer.run("fetch", &["--yes", "--from", from]);
    from(&mirror.server.address()).succeeded();
    offer.assert_whole();
    assert_eq!(offer.server.requests(), [] as [&str; 0]);
    assert_eq!(mirror.server.requests().last().unwrap(), "GET /list.txt");

    fs::remove_dir_all(offer.data()).unwrap();
    let downloads = offer.folder.path().join("downloads");
    fs::create_dir(&downloads).unwrap();
    fs::write(downloads.join("mini.tar.gz"), archive(&TinySpair::write())).unwrap();
    let error = from(text(&downloads)).failed_with(4);
    assert!(error.contains("downloads/list.txt`: it is not there"), "{error}");
    fs::write(downloads.join("list.txt"), &offer.list).unwrap();
    from(text(&downloads)).succeeded();
    offer.assert_whole();
    assert_eq!(names(&downloads), ["list.txt", "mini.tar.gz"], "they stay");
}

#[test]
fn what_was_there_stays_and_datasets_without_an_address_say_where_to_look() {
    let offer = Offer::new();
    let mine = offer.data().join("Mini/PairAnnotation");
    fs::create_dir_all(&mine).unwrap();
    fs::write(mine.join("note.txt"), "mine").unwrap();
    let photo = offer.data().join("Mini/JPEGImages/cat/a.png");
    let own = fs::read(TinySpair::write().photo("dog/x.png")).unwrap();
    fs::create_dir_all(photo.parent().unwrap()).unwrap();
    fs::write(&photo, &own).unwrap();
    let Run { stderr, .. } = offer.fetch().succeeded();
    assert!(stderr.contains("kept as before: 1 file in `"), "{stderr}");
    assert_eq!(names(&mine), ["note.txt", "test"], "what is missing comes beside it");
    assert_eq!(fs::read(&photo).unwrap(), own);
    offer.assert_whole();
    let root = text(Path::new("data")).to_owned();
    let error = lpmflow(["datasets", "fetch", "ap-10k", "--data-root", &root]).failed_with(4);
    assert!(
        error.contains("no address is known by which AP-10K can be fetched: get it from https://"),
        "{error}"
    );
}

#[test]
fn what_the_lists_name_decides_whether_all_is_there() {
    let offer = Offer::new();
    offer.fetch().succeeded();
    let dogs = offer.data().join("Mini/JPEGImages/dog");
    // Missing altogether, then an empty folder in its place.
    for is_folder in [false, true] {
        fs::remove_dir_all(&dogs).unwrap();
        if is_folder {
            fs::create_dir(&dogs).unwrap();
        }
        let Run { code, stdout, .. } = offer.run("check", &[]);
        assert!(
            code == 4 && stdout.contains("datasets fetch mini` gets what is missing\n"),
            "{stdout}"
        );
        let before = offer.server.requests().len();
        let Run { stdout, .. } = offer.fetch().succeeded();
        assert!(stdout.contains("Mini is there now"), "{stdout}");
        let requests = offer.server.requests().split_off(before);
        assert!(requests.iter().all(|request| request.contains("mini.tar.gz")), "{requests:?}");
        offer.assert_whole();
    }
    // What is published lacks them, too.
    let less = TinySpair::write();
    fs::remove_dir_all(less.data_root().join("SPair-71k/JPEGImages/dog")).unwrap();
    offer.server.replace("mini.tar.gz", archive(&less));
    fs::remove_dir_all(&dogs).unwrap();
    let run = offer.fetch();
    assert!(!run.stdout.contains("is there"), "{}", run.stdout);
    let error = run.failed_with(4);
    for expected in
        ["Mini is not whole in `", "missing files (3):", "dog/x.png", "datasets check mini"]
    {
        assert!(error.contains(expected), "`{expected}` is not in:\n{error}");
    }
}

#[test]
fn a_web_page_is_no_list_and_is_replaced() {
    let offer = Offer { is_known: false, ..Offer::new() };
    let page = b"<!DOCTYPE html>\n<title>Log in, please</title>\n".to_vec();
    offer.server.replace("list.txt", page.clone());
    let error = offer.fetch().failed_with(4);
    assert!(
        error.contains("it is a web page (`<!DOCTYPE html>`)") && error.contains("--from"),
        "{error}"
    );
    let list = offer.data().join("Mini/Layout/large/test.txt");
    assert!(!list.exists());
    offer.server.replace("list.txt", offer.list.clone());
    offer.fetch().succeeded();
    offer.assert_whole();

    // Put in place by hand, or by an earlier version.
    fs::write(&list, &page).unwrap();
    let Run { stderr, .. } = offer.fetch().succeeded();
    assert!(stderr.contains("could not be used and is called `test.txt.unusable` now"), "{stderr}");
    assert_eq!(names(list.parent().unwrap()), ["test.txt", "test.txt.unusable"]);
    offer.assert_whole();

    let archived = Offer::new();
    archived.server.replace("mini.tar.gz", page);
    let error = archived.fetch().failed_with(4);
    assert!(error.contains("what came is not the file"), "{error}");
    archived.server.replace("mini.tar.gz", archive(&TinySpair::write()));
    archived.fetch().succeeded();
    archived.assert_whole();
}
