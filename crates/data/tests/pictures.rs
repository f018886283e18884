//! Picture files whole, cut and of several kinds, and how their folders may be laid out.

use rescind_data::*;
use std::fs;
use std::path::Path;

const ORANGE: &[u8] = include_bytes!("fixtures/orange.jpg");
const LOSSLESS: &[u8] = include_bytes!("fixtures/lossless.webp");

fn save(folder: &Path, name: &str, file: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, file).unwrap();
}

fn read(folder: &Path, options: &str) -> Result<Data, DataError> {
    let source = format!("images:{}{options}", folder.display());
    load(&source.parse().unwrap(), None)
}

/// A folder with this one picture to train on.
fn alone(file: &[u8]) -> Result<Dataset, DataError> {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "train/c/a.jpg", file);
    fs::create_dir(folder.path().join("test")).unwrap();
    Ok(read(folder.path(), "")?.train)
}

#[test]
fn webp_is_read() {
    let lossy = include_bytes!("fixtures/lossy.webp");
    for (file, tolerance) in [(LOSSLESS, 0.01), (lossy, 4.0)] {
        let train = alone(file).unwrap();
        assert_eq!(train.input_shape(), [3, 16, 16]);
        for (channel, expected) in [200.0, 100.0, 50.0].into_iter().enumerate() {
            let found = train.inputs()[256 * channel] * 255.0;
            assert!((found - expected).abs() < tolerance, "{channel}: {found}");
        }
    }
    let clear = alone(include_bytes!("fixtures/clear.webp")).unwrap_err();
    assert!(clear.to_string().contains("flatten"), "{clear}");
    let moving = alone(include_bytes!("fixtures/moving.webp")).unwrap_err();
    assert!(moving.to_string().contains("it moves"), "{moving}");
}

/// A cut file is never a picture whose rest is grey.
#[test]
fn a_picture_cut_anywhere_is_refused() {
    for file in [
        &include_bytes!("fixtures/noise.jpg")[..],
        include_bytes!("fixtures/noise-progressive.jpg"),
        include_bytes!("fixtures/noise.webp"),
        ORANGE,
        LOSSLESS,
    ] {
        assert!(alone(file).is_ok());
        for length in 0..file.len() {
            match alone(&file[..length]) {
                Err(error) => assert!(error.to_string().contains("a.jpg"), "{error}"),
                Ok(_) => panic!("{length} of {} bytes are taken for a picture", file.len()),
            }
        }
    }
}

/// Twenty pictures of two classes, in folders of classes under `root`.
fn classes(root: &Path) {
    for at in 0..20_u8 {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[at]).unwrap();
        writer.finish().unwrap();
        save(
            root,
            &format!("{}/{at:02}.png", ["no", "yes"][usize::from(at % 2)]),
            &bytes,
        );
    }
}

fn greys(dataset: &Dataset) -> Vec<u8> {
    dataset
        .inputs()
        .iter()
        .map(|v| (v * 255.0).round() as u8)
        .collect()
}

#[test]
fn folders_of_classes_alone_are_split_by_contents() {
    let folder = tempfile::tempdir().unwrap();
    classes(folder.path());
    let whole = read(folder.path(), "?test=0").unwrap();
    assert_eq!((whole.train.len(), whole.test.len()), (20, 0));
    assert_eq!(whole.train.class_names(), ["no", "yes"]);
    let before = read(folder.path(), "?test=0.5").unwrap();
    let (train, test) = (greys(&before.train), greys(&before.test));
    assert!((4..=16).contains(&train.len()) && train.len() + test.len() == 20);
    assert!(!read(folder.path(), "").unwrap().test.is_empty());
    // Removing a picture moves no other one.
    let (gone, part) = (train[0], ["no", "yes"][usize::from(train[0] % 2)]);
    fs::remove_file(folder.path().join(format!("{part}/{gone:02}.png"))).unwrap();
    let after = read(folder.path(), "?test=0.5").unwrap();
    assert_eq!(greys(&after.train), train[1..]);
    assert_eq!(greys(&after.test), test);
}

#[test]
fn the_part_for_testing_may_be_called_val_or_be_drawn_but_is_never_guessed() {
    let folder = tempfile::tempdir().unwrap();
    classes(&folder.path().join("train"));
    let error = read(folder.path(), "").unwrap_err().to_string();
    assert!(error.contains("images:DIR?test=0.2"), "{error}");
    assert_eq!(read(folder.path(), "?test=0").unwrap().train.len(), 20);
    classes(&folder.path().join("val"));
    let data = read(folder.path(), "").unwrap();
    assert_eq!((data.train.len(), data.test.len()), (20, 20));
    let error = read(folder.path(), "?test=0.5").unwrap_err().to_string();
    assert!(error.contains("leave ?test= out"), "{error}");
    fs::remove_dir_all(folder.path().join("train")).unwrap();
    let error = read(folder.path(), "").unwrap_err();
    assert!(matches!(error, DataError::Missing { .. }), "{error}");
}

/// Once a model has forgotten them, all test pictures may leave too.
#[test]
fn a_test_part_that_left_is_empty_when_the_source_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["train", "test"] {
        classes(&folder.path().join(part));
    }
    let source = DataSource::images(folder.path());
    let train = load(&source, None).unwrap().train;
    let secret = Digest::from([1; 32]);
    let manifest = Manifest::new(&train, source.to_string(), secret, HeldOut::NONE).unwrap();
    fs::remove_dir_all(folder.path().join("test")).unwrap();
    fs::remove_file(folder.path().join("train/no/00.png")).unwrap();
    fs::write(folder.path().join("train/yes/01.png"), &ORANGE[..300]).unwrap();
    let staying = Selection::new(20, (0..20).filter(|at| ![0, 10].contains(at)).collect()).unwrap();
    let again = reload(&source, &manifest, &staying).unwrap();
    assert_eq!(again.test.len(), 0);
    assert!(reload(&source, &manifest, &Selection::all(20)).is_err());
}

/// macOS writes a letter and its accent one after the other.
#[test]
fn a_class_is_one_however_its_folder_s_name_is_composed() {
    let folder = tempfile::tempdir().unwrap();
    for (part, name) in [("train", "Ka\u{308}se"), ("test", "K\u{e4}se")] {
        let part = folder.path().join(part);
        classes(&part);
        fs::rename(part.join("no"), part.join(name)).unwrap();
    }
    let data = read(folder.path(), "").unwrap();
    assert_eq!(data.train.class_names(), ["K\u{e4}se", "yes"]);
    assert_eq!(data.test.len(), 20);
}
