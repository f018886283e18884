//! Folders of pictures.

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, RgbaImage};
use proptest::prelude::*;
use rescind_data::*;
use std::fs;
use std::path::Path;

fn colour(red: u8) -> RgbImage {
    ImageBuffer::from_fn(3, 2, |x, y| Rgb([red, x as u8, 10 * y as u8]))
}

fn save(picture: impl Into<DynamicImage>, folder: &Path, name: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture
        .into()
        .save_with_format(path, ImageFormat::Png)
        .unwrap();
}

/// Two cats and a dog to train on, a dog to test on.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    save(colour(3), folder.path(), "train/dog/a.png");
    save(colour(2), folder.path(), "train/cat/b.PNG");
    save(colour(1), folder.path(), "train/cat/a.png");
    save(colour(4), folder.path(), "test/dog/z.png");
    fs::write(folder.path().join("train/cat/.hidden"), "x").unwrap();
    folder
}

fn load_from(folder: &Path) -> Result<Data, DataError> {
    load(&DataSource::Images(folder.to_owned()))
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

fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .into()
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
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

#[test]
fn grey_pictures_have_one_channel_at_either_depth() {
    let folder = tempfile::tempdir().unwrap();
    let byte: GrayImage = ImageBuffer::from_pixel(2, 1, Luma([51]));
    let word: ImageBuffer<Luma<u16>, Vec<u16>> = ImageBuffer::from_pixel(2, 1, Luma([13_107]));
    save(byte, folder.path(), "train/c/a.png");
    save(word, folder.path(), "train/c/b.png");
    fs::create_dir(folder.path().join("test")).unwrap();
    let train = load_from(folder.path()).unwrap().train;
    assert_eq!(train.input_shape(), [1, 1, 2]);
    assert!(
        train
            .inputs()
            .iter()
            .all(|value| (value - 0.2).abs() < 1e-6)
    );
}

#[test]
fn jpegs_are_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("train/c")).unwrap();
    fs::create_dir(folder.path().join("test")).unwrap();
    let picture: RgbImage = ImageBuffer::from_pixel(16, 16, Rgb([200, 100, 50]));
    picture.save(folder.path().join("train/c/a.jpg")).unwrap();
    let train = load_from(folder.path()).unwrap().train;
    for (channel, expected) in [200.0, 100.0, 50.0].into_iter().enumerate() {
        let found = train.inputs()[256 * channel] * 255.0;
        assert!((found - expected).abs() < 4.0, "channel {channel}: {found}");
    }
}

#[test]
fn other_files_shapes_and_classes_are_refused() {
    assert!(refused("train/cat/notes.txt", b"x").contains(".png, .jpg or .jpeg"));
    assert!(refused("train/stray.png", b"x").contains("a folder of one class"));
    let wide: RgbImage = ImageBuffer::new(4, 2);
    assert!(refused("train/dog/wide.png", &png(wide)).contains("[3, 2, 4], expected [3, 2, 3]"));
    let grey: GrayImage = ImageBuffer::new(3, 2);
    assert!(refused("train/dog/grey.png", &png(grey)).contains("[1, 2, 3], expected [3, 2, 3]"));
    let clear: RgbaImage = ImageBuffer::new(3, 2);
    assert!(refused("train/dog/clear.png", &png(clear)).contains("flatten"));
    assert!(refused("test/bird/a.png", &png(colour(1))).contains("one of cat, dog"));
    assert!(refused("train/dog/broken.png", b"not a picture").contains("not a readable PNG"));
    let whole = png(colour(9));
    assert!(refused("train/dog/cut.png", &whole[..whole.len() - 20]).contains("not a readable"));
}

#[test]
fn a_header_that_claims_a_huge_picture_is_refused() {
    let mut bytes = png(colour(1));
    bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    refused("train/cat/A.png", &bytes); // the first by name
    refused("train/cat/z.png", &bytes);
}

#[test]
fn empty_and_missing_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        load_from(folder.path()),
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
        let mut bytes = png(colour(1));
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
