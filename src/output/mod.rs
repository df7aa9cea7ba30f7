//! Where results go: plain files that appear whole or not at all, devices and pipes that are written straight,
//! and stdout; all known to be writable, and to overwrite neither an input nor each other, before the work
//! that fills them begins.

mod archive;
mod attempts;
pub(crate) mod beginning;
mod check;
mod destination;
mod folder;
mod identity;
pub(crate) mod leftovers;
mod unfinished;
mod write;

pub(crate) use archive::write_archive;
pub(crate) use attempts::Attempts;
pub(crate) use check::{Stdout, check, check_folder};
pub(crate) use destination::{ensure_stdout_open, is_stream};
pub(crate) use folder::{make_folder, write_folder};
pub(crate) use write::{scratch, write, write_text};
