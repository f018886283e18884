//! Whoever waits for records can stop waiting: reading asks again and again whether to go on, and
//! waits for nothing that may never come.

use rescind_data::*;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

const SVHN: &[u8] = include_bytes!("fixtures/svhn-compressed.mat");
const PICTURE: &[u8] = include_bytes!("fixtures/orange.jpg");

fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = (0x0800 + dims.len() as u32).to_be_bytes().to_vec();
    dims.iter().for_each(|dim| bytes.extend(dim.to_be_bytes()));
    bytes.extend(data);
    bytes
}

/// A `.npy` file of numbers in one column.
fn npy(values: &[u8]) -> Vec<u8> {
    let header = format!(
        "{{'descr': '|u1', 'fortran_order': False, 'shape': ({},), }}\n",
        values.len()
    );
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

/// Small sources of every kind that a test can hold, as they are written on the command line.
fn sources(folder: &Path) -> Vec<String> {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for part in ["train", "t10k"] {
        let pictures = idx(&[3, 2, 1], &[0, 51, 102, 153, 204, 255]);
        write(&format!("mnist/{part}-images-idx3-ubyte"), &pictures);
        write(
            &format!("mnist/{part}-labels-idx1-ubyte"),
            &idx(&[3], &[9, 0, 4]),
        );
    }
    write("svhn/train_32x32.mat", SVHN);
    write("svhn/test_32x32.mat", SVHN);
    write("images/train/c/1.jpg", PICTURE);
    write("images/test/c/1.jpg", PICTURE);
    let row = |i: usize| format!("{i},{}\n", i % 2);
    let rows: String = (0..200).map(row).collect();
    write("t.csv", format!("a,y\n{rows}").as_bytes());
    write("x.npy", &npy(&[1, 2, 3, 4]));
    write("y.npy", &npy(&[0, 1, 0, 1]));
    let folder = folder.display();
    vec![
        "digits".to_owned(),
        format!("mnist:{folder}/mnist"),
        format!("svhn:{folder}/svhn"),
        format!("images:{folder}/images"),
        format!("csv:{folder}/t.csv?label=y&test=0"),
        format!("npy:{folder}/x.npy?label=y.npy&test=0"),
    ]
}

#[test]
fn every_source_can_be_stopped_whenever_it_asks() {
    let folder = tempfile::tempdir().unwrap();
    for text in sources(folder.path()) {
        let source: DataSource = text.parse().unwrap();
        let mut asked = 0;
        let read = load_watched(&source, None, &mut |_| {
            asked += 1;
            ControlFlow::Continue(())
        });
        read.unwrap();
        assert!(asked > 0, "{text} never asks");
        for stop in 1..=asked {
            let mut left = stop;
            let read = load_watched(&source, None, &mut |_| {
                left -= 1;
                match left {
                    0 => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                }
            });
            let stopped = matches!(&read, Err(DataError::Interrupted { .. }));
            assert!(stopped, "{text}, {stop} of {asked}: {:?}", read.err());
        }
    }
}

/// Nobody writes to these pipes: reading them would never end.
#[test]
fn pipes_in_place_of_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut tried = 0;
    for text in sources(folder.path()).iter().skip(1) {
        let source: DataSource = text.parse().unwrap();
        let kind = text.split_once(':').unwrap().1.split('?').next().unwrap();
        for path in files(Path::new(kind)) {
            let content = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            assert!(
                Command::new("mkfifo")
                    .arg(&path)
                    .status()
                    .unwrap()
                    .success()
            );
            let error = load(&source, None).unwrap_err().to_string();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(
                error.contains(name) && error.contains("not a regular file"),
                "{error}"
            );
            fs::remove_file(&path).unwrap();
            fs::write(&path, content).unwrap();
            tried += 1;
        }
    }
    assert_eq!(tried, 4 + 2 + 2 + 1 + 1);
}

fn files(path: &Path) -> Vec<std::path::PathBuf> {
    match fs::read_dir(path) {
        Err(_) => vec![path.to_owned()],
        Ok(entries) => entries
            .flat_map(|entry| files(&entry.unwrap().path()))
            .collect(),
    }
}
