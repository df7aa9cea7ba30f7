//! TensorBoard event files with scalars and pictures, as TensorBoard's own reader opens them.
//!
//! An event file is a sequence of TFRecords (length, its checksum, data, its checksum), each an
//! `Event` message of TensorFlow's `event.proto`; the few fields needed are encoded by hand.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::geometry::Size;
use crate::visible::Shown;

/// Added to a rotated checksum, so that checksums of data holding checksums stay good.
const MASK_DELTA: u32 = 0xa282_ead8;

/// What the first event of every file says.
const FILE_VERSION: &str = "brain.Event:2";

/// `SessionLog.START`: tells the reader to forget what older files say of this step and later ones.
const SESSION_START: u64 = 1;

/// The number of colours of a picture, which TensorFlow calls its colour space.
const RGB: u64 = 3;

/// How the names of event files begin; TensorBoard finds them by it and reads them in the order of their names.
const PREFIX: &str = "events.out.tfevents.";

/// What the names of ours have.
const OWN: &str = ".lpmflow";

/// Appends scalars and pictures to an event file of its own.
#[derive(Debug)]
pub(crate) struct EventWriter {
    path: PathBuf,
    file: File,
}

impl EventWriter {
    /// Starts a new event file in `folder`. Scalars of `first_step` and later that older files in the
    /// folder hold (of a run that was cut off) no longer count.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub(crate) fn create(folder: &Path, first_step: u64) -> Result<Self> {
        let now = since_epoch();
        let stem = format!("{PREFIX}{:010}{OWN}", now.as_secs());
        let open = |number: u32| {
            let path = folder.join(format!("{stem}.{number}"));
            let file = OpenOptions::new().append(true).create_new(true).open(&path);
            (path, file)
        };
        let (path, file) = (0..)
            .map(open)
            .find(|(_, file)| !matches!(file, Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists))
            .context("no free name for an event file")?;
        let file = file.with_context(|| format!("creating `{}`", path.shown()))?;
        let mut writer = Self { path, file };
        writer.append(&Message::event(now, 0).text(3, FILE_VERSION))?;
        let session = Message::default().varint(1, SESSION_START);
        writer.append(&Message::event(now, first_step).message(7, &session))?;
        Ok(writer)
    }

    /// Appends the values of one step, and hands them to the operating system.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn scalars(&mut self, step: u64, values: &[(String, f64)]) -> Result<()> {
        let mut summary = Message::default();
        for (tag, value) in values {
            let value = Message::default().text(1, tag).float(2, *value as f32);
            summary = summary.message(1, &value);
        }
        self.append(&Message::event(since_epoch(), step).message(5, &summary))
    }

    /// Appends the pictures of one step, each a JPEG or PNG of some size, likewise.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn images(&mut self, step: u64, images: &[(String, Size, &[u8])]) -> Result<()> {
        // A record each: one that is cut off takes no other with it.
        for (tag, size, encoded) in images {
            let summary = picture(tag, *size, encoded);
            self.append(&Message::event(since_epoch(), step).message(5, &summary))?;
        }
        Ok(())
    }

    fn append(&mut self, event: &Message) -> Result<()> {
        // One write per record, so that a killed run leaves at most its last record cut.
        self.file
            .write_all(&record(&event.bytes))
            .with_context(|| format!("writing `{}`", self.path.shown()))
    }
}

/// Deletes our event files of a folder: a fresh run in it starts with none.
///
/// # Errors
/// When the folder cannot be read or a file not deleted.
pub(crate) fn delete_events(folder: &Path) -> Result<()> {
    let context = || format!("deleting old event files in `{}`", folder.shown());
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.contains(OWN) {
            fs::remove_file(entry.path()).with_context(context)?;
        }
    }
    Ok(())
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A `Summary` with a picture.
fn picture(tag: &str, size: Size, encoded: &[u8]) -> Message {
    let image = Message::default()
        .varint(1, size.height as u64)
        .varint(2, size.width as u64)
        .varint(3, RGB)
        .bytes(4, encoded);
    Message::default().message(1, &Message::default().text(1, tag).message(4, &image))
}

/// A TFRecord around `data`.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let parts: [&[u8]; 4] = [&length, &masked_checksum(&length), data, &masked_checksum(data)];
    parts.concat()
}

fn masked_checksum(data: &[u8]) -> [u8; 4] {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(MASK_DELTA).to_le_bytes()
}

/// A protocol buffer message under construction.
#[derive(Debug, Default)]
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// An `Event`: wall time in seconds, step.
    fn event(time: Duration, step: u64) -> Self {
        Self::default().double(1, time.as_secs_f64()).varint(2, step)
    }

    fn double(self, field: u64, value: f64) -> Self {
        self.key(field, 1).raw(&value.to_le_bytes())
    }

    fn float(self, field: u64, value: f32) -> Self {
        self.key(field, 5).raw(&value.to_le_bytes())
    }

    fn varint(self, field: u64, value: u64) -> Self {
        self.key(field, 0).number(value)
    }

    fn bytes(self, field: u64, value: &[u8]) -> Self {
        self.key(field, 2).number(value.len() as u64).raw(value)
    }

    fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    fn message(self, field: u64, value: &Self) -> Self {
        self.bytes(field, &value.bytes)
    }

    /// A field's number and how its value is written.
    fn key(self, field: u64, wire: u64) -> Self {
        self.number(field << 3 | wire)
    }

    /// Seven bits a byte, lowest first; the top bit says that more follow.
    fn number(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PyPI `tensorboard` 2.21 writes (its `RecordWriter` and generated messages) for
    /// `Event(wall_time=2.5, step=300, summary=Summary(value=[Summary.Value(tag="loss/total",
    /// simple_value=0.25)]))`.
    const EVENT_BY_TENSORBOARD: &str = "2100000000000000017becf609000000000000044010ac022a130a110a0a\
        6c6f73732f746f74616c150000803e5ad0ea85";

    #[test]
    fn a_record_has_tensorboards_bytes() {
        let value = Message::default().text(1, "loss/total").float(2, 0.25);
        let summary = Message::default().message(1, &value);
        let event = Message::event(Duration::from_millis(2500), 300).message(5, &summary);
        assert_eq!(hex(&record(&event.bytes)), EVENT_BY_TENSORBOARD);
    }

    /// Likewise for `Summary.Value(tag="validation/pair-1", image=Summary.Image(height=240, width=486, colorspace=3,
    /// encoded_image_string=b"\xff\xd8jpeg"))`.
    const PICTURE_BY_TENSORBOARD: &str = "3500000000000000d6c55de609000000000000044010ac022a270a250a11766\
        16c69646174696f6e2f706169722d31221008f00110e60318032206ffd86a70656785e96240";

    #[test]
    fn a_picture_has_tensorboards_bytes() {
        let size = Size::new(240, 486);
        let summary = picture("validation/pair-1", size, b"\xff\xd8jpeg");
        let event = Message::event(Duration::from_millis(2500), 300).message(5, &summary);
        assert_eq!(hex(&record(&event.bytes)), PICTURE_BY_TENSORBOARD);
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_second_writer_in_the_same_second_gets_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("events.out.tfevents.1700000000.host.1"), "others'").unwrap();
        for step in 0..3 {
            EventWriter::create(folder.path(), step).unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
        delete_events(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
