//! Downloads, from servers on this machine that behave and misbehave.
#![cfg(feature = "fetch")]

use rescind_data::fetch::*;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a server was asked: path and first byte of the range, if one was asked for.
type Asked = (String, Option<usize>);

/// A server that answers its n-th request as `answer(n, path, range)` says, one connection each.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// Status line and headers, and the body that follows (which may be shorter than announced).
type Answer = (String, Vec<u8>);

impl Server {
    fn start(answer: impl Fn(usize, &str, Option<usize>) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for (n, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let (path, range) = read_request(&stream);
                log.lock().unwrap().push((path.clone(), range));
                let (head, body) = answer(n, &path, range);
                let _ = write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(&body);
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn file(&self, content: &[u8]) -> RemoteFile {
        let sha256 = Sha256::digest(content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        RemoteFile {
            url: format!("{}/f.bin", self.address),
            size: content.len() as u64,
            sha256,
        }
    }
}

fn read_request(stream: &TcpStream) -> Asked {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let mut range = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        let line = line.to_ascii_lowercase();
        if let Some(bytes) = line.strip_prefix("range: bytes=") {
            range = Some(bytes.trim_end_matches('-').parse().unwrap());
        }
    }
    (path, range)
}

fn content() -> Vec<u8> {
    (0..300_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

fn whole(body: &[u8]) -> Answer {
    (
        format!("200 OK\r\nContent-Length: {}", body.len()),
        body.to_vec(),
    )
}

fn partial(body: &[u8], from: usize) -> Answer {
    let (total, last) = (body.len(), body.len() - 1);
    let range = format!("Content-Range: bytes {from}-{last}/{total}");
    (
        format!("206 Partial\r\nContent-Length: {}\r\n{range}", total - from),
        body[from..].to_vec(),
    )
}

/// Answers as servers should, the whole file or the rest of it.
fn proper(body: &[u8], range: Option<usize>) -> Answer {
    range.map_or_else(|| whole(body), |from| partial(body, from))
}

fn options() -> FetchOptions {
    let timeout = Duration::from_secs(20);
    FetchOptions {
        base_url: None,
        attempts: 3,
        pause: Duration::ZERO,
        timeout,
    }
}

struct Target {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Target {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.bin");
        Self {
            _folder: folder,
            path,
        }
    }

    fn part(&self) -> PathBuf {
        self.path.with_file_name("f.bin.part")
    }

    fn download(&self, file: &RemoteFile) -> Result<(), FetchError> {
        download(file, &self.path, &options(), &mut |_| ())
    }

    fn assert_whole(&self) {
        assert!(
            fs::read(&self.path).unwrap() == content(),
            "the file differs"
        );
        assert!(!self.part().exists());
    }
}

#[test]
fn a_whole_file_is_put_in_place_and_not_fetched_twice() {
    let server = Server::start(|_, _, range| proper(&content(), range));
    let (target, file) = (Target::new(), server.file(&content()));
    let mut seen = Vec::new();
    let mut note = |progress: Progress<'_>| {
        assert_eq!((progress.file, progress.total), ("f.bin", 300_000));
        seen.push(progress.done);
    };
    download(&file, &target.path, &options(), &mut note).unwrap();
    assert!(seen.is_sorted() && seen.first() == Some(&0) && seen.last() == Some(&300_000));
    target.assert_whole();
    target.download(&file).unwrap();
    assert_eq!(server.asked(), [("/f.bin".to_owned(), None)]);
}

#[test]
fn a_damaged_file_in_place_is_replaced() {
    let server = Server::start(|_, _, range| proper(&content(), range));
    let target = Target::new();
    fs::write(&target.path, b"damaged").unwrap();
    target.download(&server.file(&content())).unwrap();
    target.assert_whole();
}

#[test]
fn a_partial_file_is_continued() {
    let server = Server::start(|_, _, range| proper(&content(), range));
    let target = Target::new();
    fs::write(target.part(), &content()[..123_456]).unwrap();
    target.download(&server.file(&content())).unwrap();
    target.assert_whole();
    assert_eq!(server.asked(), [("/f.bin".to_owned(), Some(123_456))]);
}

#[test]
fn a_complete_partial_file_needs_no_server() {
    let target = Target::new();
    fs::write(target.part(), content()).unwrap();
    let server = Server::start(|_, _, _| ("500 Broken".to_owned(), Vec::new()));
    target.download(&server.file(&content())).unwrap();
    target.assert_whole();
    assert!(server.asked().is_empty());
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let server = Server::start(|_, _, _| whole(&content()));
    let target = Target::new();
    fs::write(target.part(), &content()[..1000]).unwrap();
    target.download(&server.file(&content())).unwrap();
    target.assert_whole();
}

#[test]
fn a_cut_connection_is_resumed_where_it_broke_off() {
    let server = Server::start(|n, _, range| {
        let (head, mut body) = proper(&content(), range);
        body.truncate(if n < 2 { 100_000 } else { usize::MAX });
        (head, body)
    });
    let target = Target::new();
    target.download(&server.file(&content())).unwrap();
    target.assert_whole();
    let ranges: Vec<_> = server.asked().into_iter().map(|(_, range)| range).collect();
    assert_eq!(ranges, [None, Some(100_000), Some(200_000)]);
}

#[test]
fn when_tries_run_out_the_partial_file_is_kept_for_the_next_call() {
    let server = Server::start(|_, _, range| {
        let (head, mut body) = proper(&content(), range);
        body.truncate(70_000);
        (head, body)
    });
    let (target, file) = (Target::new(), server.file(&content()));
    let error = target.download(&file).unwrap_err();
    assert!(
        matches!(
            error,
            FetchError::Broken {
                attempts: 3,
                done: 210_000,
                ..
            }
        ),
        "{error}"
    );
    assert!(!target.path.exists());
    target.download(&file).unwrap();
    target.assert_whole();
}

#[test]
fn a_wrong_file_is_refused_and_removed() {
    let mut other = content();
    other[7] ^= 1;
    let server = Server::start(move |_, _, range| proper(&other, range));
    let target = Target::new();
    let error = target.download(&server.file(&content())).unwrap_err();
    assert!(matches!(error, FetchError::Checksum { .. }), "{error}");
    assert!(!target.path.exists() && !target.part().exists());
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_wrong_partial_file_is_started_over_once() {
    let server = Server::start(|_, _, range| proper(&content(), range));
    let target = Target::new();
    fs::write(target.part(), [0; 5000]).unwrap();
    target.download(&server.file(&content())).unwrap();
    target.assert_whole();
    let ranges: Vec<_> = server.asked().into_iter().map(|(_, range)| range).collect();
    assert_eq!(ranges, [Some(5000), None]);
}

#[test]
fn more_bytes_than_published_are_not_taken() {
    let server = Server::start(|_, _, _| whole(&[content(), vec![1; 100_000]].concat()));
    let target = Target::new();
    let error = target.download(&server.file(&content())).unwrap_err();
    assert!(
        matches!(
            error,
            FetchError::Oversized {
                expected: 300_000,
                ..
            }
        ),
        "{error}"
    );
    assert!(!target.path.exists());
    assert_eq!(fs::metadata(target.part()).unwrap().len(), 0);
}

#[test]
fn a_range_other_than_asked_for_is_not_appended() {
    let server = Server::start(|n, _, range| match range {
        Some(_) if n == 0 => partial(&content(), 10),
        range => proper(&content(), range),
    });
    let target = Target::new();
    fs::write(target.part(), &content()[..5000]).unwrap();
    target.download(&server.file(&content())).unwrap();
    target.assert_whole();
}

#[test]
fn a_missing_file_is_not_asked_for_again_but_a_busy_server_is() {
    let server = Server::start(|_, _, _| ("404 Not Found\r\nContent-Length: 0".to_owned(), vec![]));
    let error = Target::new()
        .download(&server.file(&content()))
        .unwrap_err();
    assert!(
        matches!(error, FetchError::Status { status: 404, .. }),
        "{error}"
    );
    assert_eq!(server.asked().len(), 1);
    let server = Server::start(|n, _, range| match n {
        0 => ("503 Busy\r\nContent-Length: 0".to_owned(), vec![]),
        _ => proper(&content(), range),
    });
    let target = Target::new();
    target.download(&server.file(&content())).unwrap();
    target.assert_whole();
}

#[test]
fn redirects_are_followed_with_the_range() {
    let server = Server::start(|_, path, range| match path {
        "/f.bin" => (
            "302 Found\r\nLocation: /moved\r\nContent-Length: 0".to_owned(),
            vec![],
        ),
        _ => proper(&content(), range),
    });
    let target = Target::new();
    fs::write(target.part(), &content()[..1000]).unwrap();
    target.download(&server.file(&content())).unwrap();
    target.assert_whole();
    assert_eq!(server.asked()[1], ("/moved".to_owned(), Some(1000)));
}

#[test]
fn an_unreachable_server_is_named() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{address}/f.bin");
    let file = RemoteFile {
        url: url.clone(),
        size: 3,
        sha256: "0".repeat(64),
    };
    let error = Target::new().download(&file).unwrap_err();
    assert!(
        matches!(
            error,
            FetchError::Broken {
                attempts: 3,
                done: 0,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains(&url), "{error}");
}

#[test]
fn two_downloads_of_one_file_do_not_mix() {
    let target = Target::new();
    let holder = fs::File::create(target.part()).unwrap();
    holder.lock().unwrap();
    let server = Server::start(|_, _, range| proper(&content(), range));
    let file = server.file(&content());
    let error = target.download(&file).unwrap_err();
    assert!(matches!(error, FetchError::Busy(_)), "{error}");
    drop(holder);
    target.download(&file).unwrap();
    target.assert_whole();
}

#[test]
fn a_dataset_is_asked_for_by_its_published_names_and_must_be_the_published_one() {
    for (name, first) in [
        ("mnist", "/mirror/train-images-idx3-ubyte.gz"),
        ("cifar10", "/mirror/cifar-10-binary.tar.gz"),
        ("svhn", "/mirror/train_32x32.mat"),
    ] {
        let dataset: PublishedDataset = name.parse().unwrap();
        assert_eq!(dataset.to_string(), name);
        assert!(dataset.base_url().starts_with("http"));
        // Too short to be it: every try breaks off.
        let server = Server::start(|_, _, range| proper(b"not it", range));
        let mut options = options();
        options.base_url = Some(format!("{}/mirror/", server.address));
        options.attempts = 1;
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("new/folder");
        let error = fetch(dataset, &into, &options, &mut |_| ()).unwrap_err();
        assert!(matches!(error, FetchError::Broken { .. }), "{error}");
        assert_eq!(server.asked(), [(first.to_owned(), None)]);
    }
    assert!(matches!(
        "imagenet".parse::<PublishedDataset>(),
        Err(FetchError::Unknown(_))
    ));
}
