//! One file from the web: taken up where an earlier attempt ended, if it is still the same file, and again where the
//! connection is lost.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LAST_MODIFIED, RANGE,
};

use crate::fetch::address::Address;
use crate::fetch::event::Event;
use crate::fetch::wanted::Wanted;
use crate::output::make_folder;
use crate::visible::Shown;

/// How long a connection, an answer or the next bytes may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Attempts in a row that bring nothing.
const ATTEMPTS: u32 = 5;

/// Before the second attempt; twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(250);

/// A file on its way here.
#[derive(Debug)]
pub(super) struct Download<'a> {
    wanted: &'a Wanted,
    /// What there is of it: the file itself, where that is on this machine.
    pub path: PathBuf,
    /// Where it is kept which version that is part of.
    version: PathBuf,
    /// Locked as long as this process downloads; none of a file of this machine.
    part: Option<File>,
}

/// What an attempt came to.
enum Attempt {
    Whole,
    /// Bytes that came before the connection was lost, and why it was.
    Lost(u64, anyhow::Error),
}

impl<'a> Download<'a> {
    /// Begins, or goes on with what is in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be written, or another process downloads the same.
    pub(super) fn open(folder: &Path, wanted: &'a Wanted) -> Result<Self> {
        if let Address::Local(path) = &wanted.address {
            let (path, version) = (path.clone(), PathBuf::new());
            return Ok(Self { wanted, path, version, part: None });
        }
        make_folder(folder).with_context(|| format!("making `{}`", folder.shown()))?;
        let path = folder.join(format!("{}.part", wanted.name));
        let version = folder.join(format!("{}.version", wanted.name));
        let part = File::options().create(true).read(true).append(true).open(&path);
        let part = part.with_context(|| format!("opening `{}`", path.shown()))?;
        if part.try_lock().is_err() {
            bail!("another process is downloading it (`{}` is locked)", path.shown());
        }
        Ok(Self { wanted, path, version, part: Some(part) })
    }

    /// Gets what is not here yet.
    ///
    /// # Errors
    /// When the server refuses, or several attempts in a row brought nothing.
    pub(super) fn complete(&mut self, on_event: &mut dyn FnMut(Event)) -> Result<()> {
        let (Some(part), Address::Web(address)) = (&mut self.part, &self.wanted.address) else {
            return Ok(());
        };
        let mut failures = 0;
        loop {
            match attempt(part, &self.version, address, self.wanted, on_event)? {
                Attempt::Whole => return part.sync_all().context("writing to the disk"),
                Attempt::Lost(bytes, error) => {
                    failures = if bytes > 0 { 1 } else { failures + 1 };
                    if failures >= ATTEMPTS {
                        return Err(error.context(
                            "the connection was lost again and again; the same command goes on where this one ended",
                        ));
                    }
                    on_event(Event::Lost(self.wanted, &error));
                    sleep(PAUSE * 2_u32.pow(failures - 1));
                }
            }
        }
    }

    /// The file's SHA-256 in hexadecimal.
    ///
    /// # Errors
    /// When it is not the one that is known; the file is then removed, so that it is not gone on with.
    pub(super) fn verify(&self) -> Result<String> {
        let read = || -> io::Result<Sha256> {
            let (mut file, mut hash) = (File::open(&self.path)?, Sha256::new());
            let mut buffer = vec![0; 1 << 20];
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(hash),
                    count => hash.update(&buffer[..count]),
                }
            }
        };
        let hash = read().with_context(|| format!("reading `{}`", self.path.shown()))?;
        let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(known) = &self.wanted.file.sha256
            && !known.eq_ignore_ascii_case(&found)
        {
            self.remove();
            bail!(
                "it is not the file that is known: its SHA-256 is {found}, and {known} is expected. Its authors may \
                 have changed it, or something on the way has"
            );
        }
        Ok(found)
    }

    /// Removes what was kept here; files of this machine stay.
    pub(super) fn remove(&self) {
        if self.part.is_none() {
            return;
        }
        // What stays is in nobody's way.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.version);
        if let Some(folder) = self.path.parent() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// One request for what is missing.
fn attempt(
    part: &mut File,
    version: &Path,
    address: &str,
    wanted: &Wanted,
    on_event: &mut dyn FnMut(Event),
) -> Result<Attempt> {
    let mut here = part.seek(SeekFrom::End(0))?;
    let mut request = agent().get(address);
    let known = fs::read_to_string(version).ok();
    let known = known.as_deref().and_then(|text| text.split_once('\n'));
    match known {
        // Only the same version is gone on with: the server compares.
        Some((of, version)) if of == address && here > 0 => {
            request = request.header(RANGE, format!("bytes={here}-")).header(IF_RANGE, version);
        }
        _ => {
            part.set_len(0)?;
            here = 0;
        }
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(error) => return Ok(Attempt::Lost(0, error.into())),
    };
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let total = match status {
        206 => {
            let (from, total) = range(&headers).context("the server's answer names no range")?;
            ensure!(
                from == here,
                "the server answers with bytes from {from}, {here} was asked for"
            );
            Some(total)
        }
        200 => {
            part.set_len(0)?;
            here = 0;
            number(&headers, CONTENT_LENGTH)
        }
        // All of it is here, or more than there is.
        416 if range_end(&headers) == Some(here) => return Ok(Attempt::Whole),
        416 => {
            part.set_len(0)?;
            fs::remove_file(version)?;
            return Ok(Attempt::Lost(0, anyhow::anyhow!("what was here was no part of it")));
        }
        500.. | 408 | 429 => {
            return Ok(Attempt::Lost(
                0,
                anyhow::anyhow!("the server answers {}", response.status()),
            ));
        }
        _ => bail!("the server answers {}{}", response.status(), advice(status)),
    };
    if let Some(validator) = validator(&headers) {
        fs::write(version, format!("{address}\n{validator}"))?;
    }
    let mut body = response.into_body().into_reader();
    let (begin, mut buffer) = (here, vec![0; 1 << 16]);
    let ended = |here: u64| match total {
        Some(total) => format!("the connection ended after {here} of {total} bytes"),
        None => format!("the connection ended after {here} bytes"),
    };
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => {
                let error = anyhow::Error::new(error).context(ended(here));
                return Ok(Attempt::Lost(here - begin, error));
            }
        };
        part.write_all(&buffer[..count]).context("writing to the disk")?;
        here += count as u64;
        on_event(Event::Downloaded(wanted, here, total));
    }
    match total {
        Some(total) if here < total => {
            Ok(Attempt::Lost(here - begin, anyhow::anyhow!(ended(here))))
        }
        _ => Ok(Attempt::Whole),
    }
}

/// How many bytes there are at an address, if the server says.
///
/// # Errors
/// When there is no such server or file.
pub(super) fn length_at(address: &str) -> Result<Option<u64>> {
    let response = agent().head(address).call()?;
    match response.status().as_u16() {
        200 => Ok(number(response.headers(), CONTENT_LENGTH)),
        // Not every server answers such questions.
        403 | 405 | 501 => Ok(None),
        status => bail!("the server answers {}{}", response.status(), advice(status)),
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        404 | 410 => {
            ": it is no longer there; --from takes another address, or a folder that has the file"
        }
        401 | 403 => {
            ": it wants to know who asks; get the file with a browser, and name its folder with --from"
        }
        _ => "",
    }
}

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("lpmflow/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .build()
        .into()
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

/// What tells one version of a file from another; a weak mark does not do so by the byte.
fn validator(headers: &HeaderMap) -> Option<&str> {
    let strong = text(headers, ETAG).filter(|tag| !tag.starts_with("W/"));
    strong.or_else(|| text(headers, LAST_MODIFIED))
}

/// The first byte of `bytes 5-9/10`, and how many there are in all.
fn range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let range = text(headers, CONTENT_RANGE)?.strip_prefix("bytes ")?;
    let (part, total) = range.split_once('/')?;
    Some((part.split('-').next()?.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// How many bytes there are in all, of `bytes */10`.
fn range_end(headers: &HeaderMap) -> Option<u64> {
    text(headers, CONTENT_RANGE)?.rsplit('/').next()?.trim().parse().ok()
}
