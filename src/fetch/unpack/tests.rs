//! Archives that are well meant, and such that are not.

use std::io::Cursor;

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;

use super::*;

/// What an archive of this name and content unpacks to, by path, in the order of names.
fn unpacked(name: &str, bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let place = tempfile::tempdir().unwrap();
    let archive = place.path().join(name);
    fs::write(&archive, bytes).unwrap();
    let data = place.path().join("data");
    let folder = unpack(&archive, name, &data, &mut |_| {});
    if folder.is_err() {
        assert_eq!(fs::read_dir(&data).unwrap().count(), 0, "what failed leaves nothing");
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "nothing is beside the folder");
    let folder = folder?;
    let mut found = Vec::new();
    let mut waiting = vec![folder.path().to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned();
            match path.is_dir() {
                true => waiting.push(path),
                false => found.push((name, fs::read(path).unwrap())),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// An entry of an archive whose name is written as it stands.
fn tar_with(name: &str, kind: tar::EntryType, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    if kind.is_symlink() || kind.is_hard_link() {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header, content).unwrap();
    archive.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip_with(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, content) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn plain_files_are_unpacked_and_litter_is_not() {
    let expected = [("a/b.txt".to_owned(), b"b".to_vec()), ("c".to_owned(), b"c".to_vec())];
    let zip = zip_with(&[
        ("a/b.txt", b"b"),
        ("./c", b"c"),
        ("__MACOSX/a/._b.txt", b"x"),
        ("a/.DS_Store", b"x"),
    ]);
    assert_eq!(unpacked("data.zip", &zip).unwrap(), expected);
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in &expected {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    let tar = archive.into_inner().unwrap();
    assert_eq!(unpacked("data.tar", &tar).unwrap(), expected);
    assert_eq!(unpacked("DATA.TGZ", &gzip(&tar)).unwrap(), expected);
}

#[test]
fn what_leads_elsewhere_is_refused() {
    use tar::EntryType::{Block, Char, Fifo, Link, Regular, Symlink};
    for name in ["../out", "a/../../out", "/tmp/lpmflow-out"] {
        let refused = |archive: &str, bytes: &[u8]| {
            let error = format!("{:#}", unpacked(archive, bytes).unwrap_err());
            assert!(error.contains("leads out of the folder"), "{name}: {error}");
        };
        refused("data.tar", &tar_with(name, Regular, b"x"));
        refused("data.zip", &zip_with(&[(name, b"x")]));
        assert!(!Path::new("/tmp/lpmflow-out").exists());
    }
    for kind in [Symlink, Link, Char, Block, Fifo] {
        let error = unpacked("data.tar", &tar_with("a", kind, b"")).unwrap_err();
        assert!(format!("{error:#}").contains("a link or device"), "{error:#}");
    }
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("a", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let zip = writer.finish().unwrap().into_inner();
    let error = format!("{:#}", unpacked("data.zip", &zip).unwrap_err());
    assert!(error.contains("`a` is a link"), "{error}");
}

#[test]
fn bombs_and_damage_are_refused() {
    let zeros = vec![0; (ALWAYS + 1) as usize];
    for (name, bytes) in [
        ("data.zip", zip_with(&[("a", &zeros)])),
        ("data.tar.gz", gzip(&tar_with("a", tar::EntryType::Regular, &zeros))),
    ] {
        assert!((bytes.len() as u64) < ALWAYS / 100);
        let error = format!("{:#}", unpacked(name, &bytes).unwrap_err());
        assert!(error.contains("far more than archives of photos do"), "{error}");
    }
    let deep = "a/".repeat(40) + "b";
    let error = format!("{:#}", unpacked("data.zip", &zip_with(&[(&deep, b"x")])).unwrap_err());
    assert!(error.contains("too deep"), "{error}");
    let noise: Vec<u8> =
        (0..20_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let tar = gzip(&tar_with("a", tar::EntryType::Regular, &noise));
    assert!(unpacked("data.tar.gz", &tar[..tar.len() / 2]).is_err());
    let zip = zip_with(&[("a", &noise)]);
    assert!(unpacked("data.zip", &zip[..zip.len() / 2]).is_err());
}
