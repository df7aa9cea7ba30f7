//! Small pictures of the photos of a batch, each photo's once.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use image::RgbImage;
use rayon::prelude::*;

use crate::data::photo::decode_photo;
use crate::data::photo::file::PhotoFile;
use crate::data::photo::orientation::Exif;
use crate::page;
use crate::predict::batch::work::Item;
use crate::predict::pair_list::Entry;
use crate::predict::photo::Photo;
use crate::predict::record::PairOutcome;

/// Longer side of a picture in pixels: with [`JPEG_QUALITY`] some five thousand bytes.
const SIDE: u32 = 160;
const JPEG_QUALITY: u8 = 60;

/// Small pictures by the photos' paths.
#[derive(Default)]
pub(super) struct Pictures {
    addresses: Vec<String>,
    numbers: HashMap<PathBuf, Option<usize>>,
}

impl Pictures {
    /// Takes pictures of the photos that entries show, unless they are there already. A photo that cannot be read
    /// has none: an earlier run may have been done with it.
    pub(super) fn look_at(&mut self, items: &[(&Entry, Item)], exif: Exif) {
        let mut new = HashSet::new();
        let mut unseen: Vec<(PathBuf, Option<&Photo>)> = Vec::new();
        for (entry, item) in items {
            let Ok(pair) = &entry.pair else { continue };
            let photos: Vec<Option<&Photo>> = match item {
                Item::Work(work) => {
                    let sources = work.candidates.iter().map(|source| &*source.photo);
                    sources.chain([&*work.target]).map(Some).collect()
                }
                Item::Settled(outcome) if matches!(**outcome, PairOutcome::Failed { .. }) => {
                    continue;
                }
                Item::Settled(_) => vec![None; pair.sources.len() + 1],
            };
            for (path, photo) in pair.photos().zip(photos) {
                if !self.numbers.contains_key(&path) && new.insert(path.clone()) {
                    unseen.push((path, photo));
                }
            }
        }
        let taken: Vec<(PathBuf, Option<String>)> = unseen
            .into_par_iter()
            .map(|(path, photo)| {
                let address = match photo.map(Photo::pixels) {
                    Some(Ok(pixels)) => address(pixels),
                    _ => read(&path, exif),
                };
                (path, address.ok())
            })
            .collect();
        for (path, address) in taken {
            let number = address.map(|address| {
                self.addresses.push(address);
                self.addresses.len() - 1
            });
            self.numbers.insert(path, number);
        }
    }

    /// The number of a photo's picture.
    pub(super) fn number(&self, path: &Path) -> Option<usize> {
        self.numbers.get(path).copied().flatten()
    }

    /// All pictures as `data:` addresses, in the order of their numbers.
    pub(super) fn addresses(&self) -> &[String] {
        &self.addresses
    }
}

fn read(path: &Path, exif: Exif) -> Result<String> {
    address(&decode_photo(&PhotoFile::read(path)?, exif, true)?.pixels)
}

fn address(pixels: &RgbImage) -> Result<String> {
    let small = page::fitted(Cow::Borrowed(pixels), SIDE);
    Ok(page::address(&page::jpeg(&small, JPEG_QUALITY)?))
}
