//! MAT-files laid out like SVHN's: `fixtures/make_svhn.py` says what they hold.

use proptest::prelude::*;
use rescind_data::*;
use std::fs;
use std::path::Path;

const PLAIN: &[u8] = include_bytes!("fixtures/svhn-plain.mat");
const COMPRESSED: &[u8] = include_bytes!("fixtures/svhn-compressed.mat");
const DOUBLE: &[u8] = include_bytes!("fixtures/svhn-labels-double.mat");

fn load_from(train: &[u8], test: &[u8]) -> Result<Data, DataError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train_32x32.mat"), train).unwrap();
    fs::write(folder.path().join("test_32x32.mat"), test).unwrap();
    load(&DataSource::Svhn(folder.path().to_owned()), None)
}

/// The error for these bytes; it must name the file.
fn refused(bytes: &[u8]) -> DataError {
    let error = load_from(bytes, DOUBLE).unwrap_err();
    assert!(error.to_string().contains("train_32x32.mat"), "{error}");
    error
}

#[test]
fn pixels_are_turned_from_columns_to_rows() {
    for bytes in [PLAIN, COMPRESSED] {
        let Data { train, test } = load_from(bytes, DOUBLE).unwrap();
        assert_eq!(train.labels(), [1, 0, 9, 2, 0, 5]);
        assert_eq!(test.labels(), [1, 0]);
        assert_eq!(train.input_shape(), [3, 32, 32]);
        for n in 0..6 {
            let input = train.input(n).unwrap();
            for (c, h, w) in [
                (0, 0, 0),
                (0, 1, 0),
                (0, 0, 1),
                (1, 0, 0),
                (2, 31, 30),
                (1, 17, 5),
            ] {
                let expected = ((7 * h + 3 * w + 50 * c + 11 * n) % 256) as f32 / 255.0;
                let found = input[1024 * c + 32 * h + w];
                assert!(
                    (found - expected).abs() < 1e-7,
                    "picture {n} at {c}, {h}, {w}"
                );
            }
        }
        assert_eq!(test.inputs(), &train.inputs()[..2 * 3072]);
    }
}

#[test]
fn truncated_files_are_refused() {
    for bytes in [PLAIN, COMPRESSED] {
        for cut in [
            0,
            100,
            128,
            131,
            200,
            600,
            bytes.len() / 2,
            bytes.len() - 20,
        ] {
            refused(&bytes[..cut]);
        }
    }
}

#[test]
fn other_versions_and_contents_are_refused() {
    let mut hdf5 = PLAIN.to_vec();
    hdf5[124..128].copy_from_slice(&[0, 2, b'I', b'M']);
    assert!(refused(&hdf5).to_string().contains("save with `-v7`"));
    let mut renamed = PLAIN.to_vec();
    let name = renamed
        .windows(8)
        .rposition(|w| w == [1, 0, 1, 0, b'y', 0, 0, 0])
        .unwrap();
    renamed[name + 4] = b'z';
    let error = refused(&renamed).to_string();
    assert!(
        error.contains(r#"["X", "z"], expected both `X` and `y`"#),
        "{error}"
    );
    let mut label = PLAIN.to_vec();
    let values = label
        .windows(6)
        .rposition(|w| w == [1, 10, 9, 2, 10, 5])
        .unwrap();
    for wrong in [0, 11, 255] {
        label[values + 2] = wrong;
        let error = refused(&label);
        assert!(
            matches!(error, DataError::Label { record: 2, .. }),
            "{error}"
        );
    }
}

#[test]
fn dimensions_that_claim_more_than_the_file_holds_are_refused() {
    let dims = PLAIN
        .windows(8)
        .position(|w| w == [32, 0, 0, 0, 32, 0, 0, 0])
        .unwrap();
    for size in [i32::MAX, 7, 5, -6] {
        let mut bytes = PLAIN.to_vec();
        bytes[dims + 12..dims + 16].copy_from_slice(&size.to_le_bytes());
        let error = refused(&bytes);
        assert!(matches!(error, DataError::Format { .. }), "{error}");
    }
    let mut bytes = PLAIN.to_vec();
    for i in 0..4 {
        bytes[dims + 4 * i..dims + 4 * i + 4].copy_from_slice(&i32::MAX.to_le_bytes());
    }
    assert!(matches!(refused(&bytes), DataError::Format { .. }));
}

#[test]
fn a_compressed_element_cannot_unpack_without_limit() {
    use flate2::{Compression, write::ZlibEncoder};
    use std::io::Write;
    // 64 MiB of zeros pack into 64 KiB: unpacked within the limit, then refused as no element.
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let packed = encoder.finish().unwrap();
    let mut bytes = PLAIN[..128].to_vec();
    bytes.extend(15_u32.to_le_bytes());
    bytes.extend((packed.len() as u32).to_le_bytes());
    bytes.extend(packed);
    assert!(matches!(refused(&bytes), DataError::Format { .. }));
}

fn survives(original: &[u8], changes: &[(usize, u8)], cut: usize) -> Result<(), TestCaseError> {
    let mut bytes = original.to_vec();
    for &(at, byte) in changes {
        let at = at % bytes.len();
        bytes[at] = byte;
    }
    bytes.truncate(cut.max(1));
    match load_from(&bytes, DOUBLE) {
        Ok(data) => prop_assert_eq!(data.train.input_shape(), [3, 32, 32]),
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

proptest! {
    /// Mostly in the headers, where bytes steer.
    #[test]
    fn mutated_bytes_are_read_or_refused(
        changes in prop::collection::vec((116_usize..420, any::<u8>()), 1..5),
        tail in prop::collection::vec((18_600_usize..18_760, any::<u8>()), 0..3),
        cut in prop_oneof![Just(usize::MAX), 0_usize..18_760],
    ) {
        survives(PLAIN, &[changes.clone(), tail].concat(), cut)?;
        survives(COMPRESSED, &changes, cut)?;
        survives(DOUBLE, &changes, cut)?;
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = load(&DataSource::Svhn(Path::new("nowhere").to_owned()), None).unwrap_err();
    assert!(error.to_string().contains("train_32x32.mat"), "{error}");
}
