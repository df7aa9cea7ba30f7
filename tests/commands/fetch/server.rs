//! A server of files on this machine, which answers for parts of them and can lose connections.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a server has and was asked.
#[derive(Default)]
struct State {
    /// Files by name, with the number of their version.
    files: BTreeMap<String, (u64, Vec<u8>)>,
    /// Bytes after which the next answers with content end early.
    cuts: Vec<usize>,
    requests: Vec<String>,
    /// Bytes of archives since the cuts were set.
    sent: usize,
}

/// The server; its thread ends with the test program.
pub struct Server {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start<const N: usize>(files: [(&str, Vec<u8>); N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), (1, bytes)));
        let state = Arc::new(Mutex::new(State { files: files.collect(), ..State::default() }));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || answer(stream, &shared));
            }
        });
        Self { port, state }
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next answers with content end after so many bytes.
    pub fn cut(&self, after: &[usize]) {
        let mut state = self.state.lock().unwrap();
        state.cuts = after.to_vec();
        state.sent = 0;
    }

    /// Another version of a file.
    pub fn replace(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.state.lock().unwrap();
        let version = state.files.get(name).map_or(1, |(version, _)| version + 1);
        state.files.insert(name.to_owned(), (version, bytes));
    }

    pub fn remove(&self, name: &str) {
        self.state.lock().unwrap().files.remove(name);
    }

    pub fn length(&self, name: &str) -> usize {
        self.state.lock().unwrap().files[name].1.len()
    }

    /// Bytes of archives that were sent since [`Self::cut`].
    pub fn sent(&self) -> usize {
        self.state.lock().unwrap().sent
    }

    /// Methods, paths and ranges that were asked for.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

/// Answers the one request of a connection.
fn answer(mut stream: TcpStream, state: &Mutex<State>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let headers: BTreeMap<String, String> = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        })
        .collect();
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let name = path.trim_start_matches('/').split('?').next().unwrap();
    let mut state = state.lock().unwrap();
    let range = headers.get("range").and_then(|range| range.strip_prefix("bytes="));
    let asked = range.map(|range| format!(" {range}")).unwrap_or_default();
    state.requests.push(format!("{method} {path}{asked}"));
    let Some((version, bytes)) = state.files.get(name).cloned() else {
        let _ = stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    };
    let tag = format!("\"{version}\"");
    let from = range.and_then(|range| range.trim_end_matches('-').parse::<usize>().ok());
    let from = from.filter(|_| headers.get("if-range").is_none_or(|known| *known == tag));
    let content = &bytes[from.unwrap_or(0)..];
    let status = match from {
        Some(from) => format!(
            "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
            bytes.len() - 1,
            bytes.len()
        ),
        None => "200 OK".to_owned(),
    };
    let mut content = content.to_vec();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: {tag}\r\nConnection: close\r\n\r\n",
        content.len()
    );
    if method == "GET" && name.ends_with(".gz") {
        if !state.cuts.is_empty() {
            let cut = state.cuts.remove(0);
            content.truncate(cut);
            if cut == 0 {
                return;
            }
        } else {
            state.sent += content.len();
        }
    }
    drop(state);
    let _ = stream.write_all(head.as_bytes());
    if method == "GET" {
        let _ = stream.write_all(&content);
    }
}
