//! Folders of pictures.

use png::{BitDepth, ColorType};
use proptest::prelude::*;
use rescind_data::*;
use std::fs;
use std::path::Path;

/// A PNG file of pixels of any kind, as wide and high as `size`.
fn encoded(size: (u32, u32), color: ColorType, depth: BitDepth, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ColorType::Indexed {
        encoder.set_palette(&[255, 0, 0, 0, 0, 255][..]);
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

fn rgb(size: (u32, u32), pixels: &[u8]) -> Vec<u8> {
    encoded(size, ColorType::Rgb, BitDepth::Eight, pixels)
}

fn colour(red: u8) -> Vec<u8> {
    let pixel = |at: u8| [red, at % 3, 10 * (at / 3)];
    rgb((3, 2), &(0..6).flat_map(pixel).collect::<Vec<u8>>())
}

fn save(file: &[u8], folder: &Path, name: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, file).unwrap();
}

/// Two cats and a dog to train on, a dog to test on.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    save(&colour(3), folder.path(), "train/dog/a.png");
    save(&colour(2), folder.path(), "train/cat/b.PNG");
    save(&colour(1), folder.path(), "train/cat/a.png");
    save(&colour(4), folder.path(), "test/dog/z.png");
    fs::write(folder.path().join("train/cat/.hidden"), "x").unwrap();
    folder
}

fn load_from(folder: &Path) -> Result<Data, DataError> {
    load(&DataSource::images(folder), None)
}

/// The error after a file is added; it must name the file.
fn refused(name: &str, bytes: &[u8]) -> String {
    let folder = folder();
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    let error = load_from(folder.path()).unwrap_err().to_string();
    let place = if name.starts_with("test/bird") {
        "test/bird"
    } else {
        name
    };
    assert!(error.contains(place), "{error}");
    error
}

#[test]
fn classes_and_files_are_in_order_of_name() {
    let Data { train, test } = load_from(folder().path()).unwrap();
    assert_eq!(train.class_names(), ["cat", "dog"]);
    assert_eq!((train.labels(), test.labels()), (&[0, 0, 1][..], &[1][..]));
    assert_eq!(train.input_shape(), [3, 2, 3]);
    let red: Vec<f32> = (0..3).map(|i| train.input(i).unwrap()[0] * 255.0).collect();
    assert_eq!(red, [1.0, 2.0, 3.0]);
    let planes = [1, 1, 1, 1, 1, 1, 0, 1, 2, 0, 1, 2, 0, 0, 0, 10, 10, 10];
    assert_eq!(
        train.input(0).unwrap(),
        planes.map(|byte: u8| f32::from(byte) / 255.0)
    );
}

/// What is loaded of a folder with this one picture.
fn alone(name: &str, file: &[u8]) -> Dataset {
    let folder = tempfile::tempdir().unwrap();
    save(file, folder.path(), &format!("train/c/{name}"));
    fs::create_dir(folder.path().join("test")).unwrap();
    load_from(folder.path()).unwrap().train
}

#[test]
fn grey_pictures_have_one_channel_at_any_depth() {
    for (depth, pixels) in [
        (BitDepth::Two, &[0b01_01_00_00][..]),
        (BitDepth::Four, &[0x55][..]),
        (BitDepth::Eight, &[85, 85][..]),
        (BitDepth::Sixteen, &[0x55, 0x55, 0x55, 0x55][..]),
    ] {
        let file = encoded((2, 1), ColorType::Grayscale, depth, pixels);
        let train = alone("a.png", &file);
        assert_eq!(train.input_shape(), [1, 1, 2]);
        let third = |value: &f32| (value - 1.0 / 3.0).abs() < 1e-6;
        assert!(train.inputs().iter().all(third), "{depth:?}");
    }
}

#[test]
fn colours_of_a_palette_are_read() {
    let file = encoded((2, 1), ColorType::Indexed, BitDepth::One, &[0b1000_0000]);
    let train = alone("a.png", &file);
    assert_eq!(train.input_shape(), [3, 1, 2]);
    assert_eq!(train.inputs(), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
}

/// What a file holds counts, not what it is called.
#[test]
fn jpegs_are_read() {
    let (orange, grey) = (
        include_bytes!("fixtures/orange.jpg"),
        include_bytes!("fixtures/grey.jpg"),
    );
    for (name, file, expected) in [
        ("a.jpg", &orange[..], &[200.0, 100.0, 50.0][..]),
        ("a.png", &orange[..], &[200.0, 100.0, 50.0][..]),
        ("a.jpeg", &grey[..], &[120.0][..]),
    ] {
        let train = alone(name, file);
        assert_eq!(train.input_shape(), [expected.len(), 16, 16], "{name}");
        for (channel, expected) in expected.iter().enumerate() {
            let found = train.inputs()[256 * channel] * 255.0;
            assert!((found - expected).abs() < 4.0, "{name}, {channel}: {found}");
        }
    }
}

#[test]
fn other_files_shapes_and_classes_are_refused() {
    assert!(refused("train/cat/notes.txt", b"x").contains(".png, .jpg, .jpeg or .webp"));
    assert!(refused("train/stray.png", b"x").contains("a folder of one class"));
    let wide = rgb((4, 2), &[0; 24]);
    assert!(refused("train/dog/wide.png", &wide).contains("[3, 2, 4], expected [3, 2, 3]"));
    let grey = encoded((3, 2), ColorType::Grayscale, BitDepth::Eight, &[0; 6]);
    assert!(refused("train/dog/grey.png", &grey).contains("[1, 2, 3], expected [3, 2, 3]"));
    let clear = encoded((3, 2), ColorType::Rgba, BitDepth::Eight, &[0; 24]);
    assert!(refused("train/dog/clear.png", &clear).contains("flatten"));
    assert!(refused("test/bird/a.png", &colour(1)).contains("one of cat, dog"));
    assert!(refused("train/dog/broken.png", b"not a picture").contains("not a readable PNG"));
    let whole = colour(9);
    assert!(refused("train/dog/cut.png", &whole[..whole.len() - 20]).contains("not a readable"));
}

#[test]
fn a_header_that_claims_a_huge_picture_is_refused() {
    let mut bytes = colour(1);
    bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    refused("train/cat/A.png", &bytes); // the first by name
    refused("train/cat/z.png", &bytes);
}

#[test]
fn empty_and_missing_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        load_from(folder.path()),
        Err(DataError::NoRecords { .. })
    ));
    assert!(matches!(
        load_from(&folder.path().join("nowhere")),
        Err(DataError::Missing { .. })
    ));
    fs::create_dir_all(folder.path().join("train/cat")).unwrap();
    fs::create_dir_all(folder.path().join("test")).unwrap();
    assert!(matches!(
        load_from(folder.path()),
        Err(DataError::NoRecords { .. })
    ));
}

proptest! {
    #[test]
    fn mutated_bytes_are_read_or_refused(
        changes in prop::collection::vec((0_usize..100, any::<u8>()), 1..4),
        cut in prop_oneof![Just(usize::MAX), 0_usize..100],
    ) {
        let folder = folder();
        let mut bytes = colour(1);
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(cut);
        fs::write(folder.path().join("train/cat/a.png"), &bytes).unwrap();
        match load_from(folder.path()) {
            Ok(data) => prop_assert_eq!(data.train.len(), 3),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
