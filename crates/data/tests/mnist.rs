//! IDX files, made here and the published ones.

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use rescind_data::*;
use std::fs;
use std::io::Write;
use std::path::Path;

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = (0x0800 + dims.len() as u32).to_be_bytes().to_vec();
    dims.iter().for_each(|dim| bytes.extend(dim.to_be_bytes()));
    bytes.extend(data);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Three pictures of 2×1 to train on and one to test on.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
    write(IMAGES, idx(&[3, 2, 1], &[0, 51, 102, 153, 204, 255]));
    write(LABELS, idx(&[3], &[9, 0, 4]));
    write(
        "t10k-images-idx3-ubyte.gz",
        gzip(&idx(&[1, 2, 1], &[255, 0])),
    );
    write("t10k-labels.idx1-ubyte", idx(&[1], &[7]));
    folder
}

fn load_from(folder: &Path) -> Result<Data, DataError> {
    load(&DataSource::Mnist(folder.to_owned()), None)
}

/// The error after one file's bytes are replaced; it must name that file.
fn refused(name: &str, bytes: &[u8]) -> DataError {
    let folder = folder();
    fs::write(folder.path().join(name), bytes).unwrap();
    let error = load_from(folder.path()).unwrap_err();
    assert!(error.to_string().contains(name), "{error}");
    error
}

#[test]
fn reads_plain_and_gzipped_files_of_either_spelling() {
    let data = load_from(folder().path()).unwrap();
    assert_eq!(data.train.input_shape(), [1, 2, 1]);
    assert_eq!(data.train.labels(), [9, 0, 4]);
    assert_eq!(
        data.train.input(1).unwrap(),
        [102.0_f32, 153.0].map(|value| value / 255.0)
    );
    assert_eq!(
        (data.test.inputs(), data.test.labels()),
        (&[1.0, 0.0][..], &[7][..])
    );
}

#[test]
fn truncated_and_oversized_files_are_refused() {
    let whole = idx(&[3, 2, 1], &[1; 6]);
    for plain in [&whole[..21], &[&whole[..], &[0]].concat(), &whole[..7], &[]] {
        let error = refused(IMAGES, plain);
        assert!(matches!(error, DataError::Length { .. }), "{error}");
        let error = refused(IMAGES, &gzip(plain));
        assert!(matches!(error, DataError::Length { .. }), "{error}");
    }
    let packed = gzip(&whole);
    let error = refused(IMAGES, &packed[..packed.len() - 9]);
    assert!(matches!(error, DataError::Compressed { .. }), "{error}");
}

#[test]
fn hostile_headers_are_refused_before_anything_is_allocated() {
    let huge = idx(&[u32::MAX, u32::MAX, u32::MAX], &[1; 6]);
    let large = idx(&[60_000, 1_000, 1_000], &[1; 6]);
    for bytes in [&huge, &gzip(&huge), &gzip(&large)] {
        let error = refused(IMAGES, bytes);
        assert!(matches!(error, DataError::Format { .. }), "{error}");
    }
    let error = refused(IMAGES, &large);
    assert!(
        matches!(error, DataError::Length { found: 22, .. }),
        "{error}"
    );
    let error = refused(IMAGES, &idx(&[3, 0, 1], &[]));
    assert!(error.to_string().contains("[3, 0, 1]"), "{error}");
}

#[test]
fn wrong_magic_counts_labels_and_sizes_are_refused() {
    let error = refused(IMAGES, &idx(&[6], &[1; 6]));
    assert!(
        error
            .to_string()
            .contains("0x00000801, expected 0x00000803"),
        "{error}"
    );
    let error = refused(LABELS, &idx(&[2], &[1, 2]));
    assert!(error.to_string().contains("is 2, expected 3"), "{error}");
    let error = refused(LABELS, &idx(&[3], &[1, 10, 2]));
    assert!(
        matches!(error, DataError::Label { record: 1, .. }),
        "{error}"
    );
    let folder = folder();
    fs::write(
        folder.path().join("t10k-images-idx3-ubyte"),
        idx(&[1, 1, 2], &[1, 2]),
    )
    .unwrap();
    let error = load_from(folder.path()).unwrap_err();
    assert!(
        error.to_string().contains("[1, 1, 2], expected [1, 2, 1]"),
        "{error}"
    );
}

#[test]
fn a_missing_file_is_named() {
    let folder = folder();
    fs::remove_file(folder.path().join(LABELS)).unwrap();
    let error = load_from(folder.path()).unwrap_err();
    assert!(matches!(error, DataError::Missing { .. }) && error.to_string().contains(LABELS));
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(IMAGES)).unwrap();
    fs::write(folder.path().join(LABELS), []).unwrap();
    assert!(matches!(
        load_from(folder.path()),
        Err(DataError::Io { .. })
    ));
}

proptest! {
    #[test]
    fn mutated_bytes_are_read_or_refused(
        changes in prop::collection::vec((0_usize..60, any::<u8>()), 1..4),
        cut in 0_usize..60,
        gzipped: bool,
    ) {
        let mut bytes = idx(&[3, 2, 1], &[7; 6]);
        if gzipped {
            bytes = gzip(&bytes);
        }
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(cut.max(1));
        let folder = folder();
        fs::write(folder.path().join(IMAGES), &bytes).unwrap();
        match load_from(folder.path()) {
            Ok(data) => prop_assert_eq!(data.train.len(), 3),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

/// The published files, where this machine has them.
#[test]
fn the_published_files_are_read_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mnist");
    if !folder.exists() {
        eprintln!("SKIPPED: {} does not exist", folder.display());
        return;
    }
    let Data { train, test } = load_from(&folder).unwrap();
    assert_eq!((train.len(), test.len()), (60_000, 10_000));
    assert_eq!(train.labels()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    let per_class = (0..10).map(|class| test.labels().iter().filter(|&&l| l == class).count());
    let published = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009];
    assert_eq!(per_class.collect::<Vec<_>>(), published);
    // The customary constants are this training set's.
    let all = Selection::all(train.len());
    let computed = Standardisation::computed_on(&train, &all).unwrap();
    let fixed = Standardisation::fixed(&DataSource::Mnist(folder), &train).unwrap();
    assert!((computed.mean()[0] - fixed.mean()[0]).abs() < 5e-5);
    assert!((computed.std()[0] - fixed.std()[0]).abs() < 5e-5);
}
