//! CIFAR-10 and CIFAR-100: pictures of 32×32 pixels (red, green and blue planes, row by row) in
//! batches, binary or as Python pickles.

mod batch;
mod binary;
mod kind;
mod python;

pub(crate) use kind::{HUNDRED, TEN};

use super::{file, unit_interval};
use crate::dataset::{Data, Dataset};
use crate::error::DataError;
use crate::reading::Reading;
use kind::Kind;
use std::path::Path;

pub(crate) fn load(
    folder: &Path,
    kind: &Kind,
    reading: &mut Reading<'_>,
) -> Result<Data, DataError> {
    let inside = |inner: &str| match folder.join(inner) {
        inner if inner.is_dir() => inner,
        _ => folder.to_owned(),
    };
    let (binary, python) = (inside(kind.binary_folder), inside(kind.python_folder));
    let first = kind.train[0];
    let is_python = !binary.join(format!("{first}.bin")).exists() && python.join(first).is_file();
    let mut met = 0;
    let mut part = |names: &[&str], records: usize| {
        let (mut inputs, mut labels) = (Vec::new(), Vec::new());
        for name in names {
            let (path, batch) = match is_python {
                true => {
                    let path = python.join(name);
                    let batch = python::read(&path, &file::read_watched(&path, reading)?, kind)?;
                    (path, batch)
                }
                false => {
                    let path = file::find(&binary, &[&format!("{name}.bin")])?;
                    let batch = binary::read(&path, &file::read_watched(&path, reading)?, kind)?;
                    (path, batch)
                }
            };
            met += batch.labels.len() as u64;
            reading.read_so_far(met, folder)?;
            let (found, expected) = (batch.labels.len(), records / names.len());
            // Records may leave their files once the model was made to forget them.
            if found != expected && !reading.passes_over() {
                return Err(DataError::Format {
                    path,
                    what: "the number of records",
                    found: found.to_string(),
                    expected: format!("the {expected} of the published file"),
                    advice: "it is truncated or was altered; fetch it again",
                });
            }
            let known = kind.classes.len() as u32;
            if let Some(record) = batch.labels.iter().position(|&label| label >= known) {
                return Err(DataError::Label {
                    path,
                    record,
                    found: batch.labels[record].to_string(),
                    expected: kind.labels,
                });
            }
            labels.extend(batch.labels);
            inputs.extend(unit_interval(&batch.pixels));
        }
        let classes = kind.classes.iter().map(|&name| name.to_owned()).collect();
        let shape = vec![3, 32, 32];
        Ok::<_, DataError>(Dataset::new(kind.name, shape, classes, inputs, labels)?)
    };
    Ok(Data {
        train: part(kind.train, kind.records[0])?,
        test: part(kind.test, kind.records[1])?,
    })
}

#[cfg(test)]
mod tests {
    use super::batch::PIXELS;
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::ops::ControlFlow;

    /// Two records a batch, where the published ones have ten thousand.
    const SMALL: [Kind; 2] = [
        Kind {
            records: [10, 2],
            ..TEN
        },
        Kind {
            records: [2, 2],
            ..HUNDRED
        },
    ];

    /// The label of record r of batch b is b + r, its pixels are that label plus the channel,
    /// except the last, which is 255.
    fn records(b: u8) -> [(u8, Vec<u8>); 2] {
        [b, b + 1].map(|label| {
            let mut pixels: Vec<u8> = (0..3).flat_map(|c| [label + c; 1024]).collect();
            pixels[PIXELS - 1] = 255;
            (label, pixels)
        })
    }

    fn binary(kind: &Kind, b: u8) -> Vec<u8> {
        let coarse = &[7][..kind.label_bytes - 1];
        let record = |(label, pixels): (u8, Vec<u8>)| [coarse, &[label], &pixels].concat();
        records(b).map(record).concat()
    }

    /// As Python 2 and numpy wrote the published ones.
    fn pickled(kind: &Kind, b: u8) -> Vec<u8> {
        let [(first, one), (second, two)] = records(b);
        let key = kind.label_key.as_bytes();
        [
            b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U",
            &[key.len() as u8][..],
            key,
            b"q\x04]q\x05(K",
            &[first],
            b"K",
            &[second],
            b"eU\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85",
            b"U\x01b\x87Rq\x09(K\x01K\x02M\x00\x0c\x86cnumpy\ndtype\nq\x0aU\x02u1K\x00K\x01\x87Rq\x0b",
            b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T\x00\x18\x00\x00",
            &one,
            &two,
            b"tbu.",
        ]
        .concat()
    }

    type Write = fn(&Kind, u8) -> Vec<u8>;

    fn write_all(folder: &Path, kind: &Kind, ending: &str, write: Write) {
        fs::create_dir_all(folder).unwrap();
        for (b, name) in kind.train.iter().chain(kind.test).enumerate() {
            fs::write(folder.join(format!("{name}{ending}")), write(kind, b as u8)).unwrap();
        }
    }

    fn first(folder: &Path, kind: &Kind) -> Result<Data, DataError> {
        load(
            folder,
            kind,
            &mut Reading::first(None, &mut |_| ControlFlow::Continue(())),
        )
    }

    #[test]
    fn both_kinds_are_read_in_both_forms_from_the_folder_or_its_parent() {
        for kind in SMALL {
            let forms: [(&str, &str, Write); 2] = [
                (kind.binary_folder, ".bin", binary),
                (kind.python_folder, "", pickled),
            ];
            for (inner, ending, write) in forms {
                let parent = tempfile::tempdir().unwrap();
                let inner = parent.path().join(inner);
                write_all(&inner, &kind, ending, write);
                for folder in [parent.path(), &inner] {
                    let Data { train, test } = first(folder, &kind).unwrap();
                    let batches = kind.train.len() as u32;
                    let labels: Vec<u32> = (0..batches).flat_map(|b| [b, b + 1]).collect();
                    assert_eq!(train.labels(), labels, "{} {ending}", kind.name);
                    assert_eq!(test.labels(), [batches, batches + 1]);
                    assert_eq!(train.class_names().len(), kind.classes.len());
                    let input = train.input(1).unwrap();
                    let at = [0, 1024, 2048, 3071].map(|at| (input[at] * 255.0).round() as u8);
                    assert_eq!(at, [1, 2, 3, 255]);
                }
            }
        }
    }

    /// A batch that is cut is refused at first, and is one whose records were taken out later on.
    #[test]
    fn records_may_leave_after_the_first_time() {
        let folder = tempfile::tempdir().unwrap();
        let kind = &SMALL[0];
        write_all(folder.path(), kind, ".bin", binary);
        let cut = &binary(kind, 1)[..1 + PIXELS];
        fs::write(folder.path().join("data_batch_2.bin"), cut).unwrap();
        let error = first(folder.path(), kind).unwrap_err().to_string();
        assert!(
            error.contains("the number of records is 1, expected the 2"),
            "{error}"
        );
        let mut unwatched = |_| ControlFlow::Continue(());
        let mut again = Reading::again(&[], &[3, 32, 32], &mut unwatched);
        assert_eq!(
            load(folder.path(), kind, &mut again).unwrap().train.len(),
            9
        );
        write_all(folder.path(), kind, ".bin", binary);
        fs::remove_file(folder.path().join("data_batch_4.bin")).unwrap();
        let error = first(folder.path(), kind).unwrap_err();
        assert!(matches!(error, DataError::Missing { .. }), "{error}");
        assert!(error.to_string().contains("data_batch_4.bin"), "{error}");
    }

    #[test]
    fn reading_can_be_stopped_at_every_batch() {
        let folder = tempfile::tempdir().unwrap();
        let kind = &SMALL[0];
        write_all(folder.path(), kind, "", pickled);
        for stop in 0..=6_u64 {
            let (mut asked, mut most) = (0, 0);
            let mut watch = |records| {
                asked += 1;
                most = records;
                match records >= 2 * stop {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            };
            let read = load(folder.path(), kind, &mut Reading::first(None, &mut watch));
            let stopped = matches!(&read, Err(DataError::Interrupted { .. }));
            assert!(stopped && most == 2 * stop, "{stop}: {:?}", read.err());
            assert!(asked > stop, "{asked}");
        }
    }

    #[test]
    fn the_published_batches_have_ten_thousand_records() {
        let folder = tempfile::tempdir().unwrap();
        write_all(folder.path(), &TEN, ".bin", binary);
        let error = first(folder.path(), &TEN).unwrap_err().to_string();
        assert!(error.contains("is 2, expected the 10000"), "{error}");
    }

    #[test]
    fn other_pickles_are_refused() {
        let kind = &SMALL[0];
        let folder = tempfile::tempdir().unwrap();
        write_all(folder.path(), kind, "", pickled);
        let good = pickled(kind, 0);
        let replaced = |from: &[u8], to: &[u8]| {
            let at = good
                .windows(from.len())
                .position(|window| window == from)
                .unwrap();
            [&good[..at], to, &good[at + from.len()..]].concat()
        };
        for (file, said) in [
            (
                replaced(b"numpy.core.multiarray", b"os.other"),
                "no such array",
            ),
            (replaced(b"u1", b"f4"), "no such array"),
            (replaced(b"labels", b"labelz"), "without `labels`"),
            (replaced(b"K\x00K\x01eU", b"K\x00eU"), "1 labels for 2 rows"),
            (good[..good.len() - 9].to_vec(), "truncated"),
        ] {
            fs::write(folder.path().join("data_batch_1"), &file).unwrap();
            let error = first(folder.path(), kind).unwrap_err().to_string();
            assert!(
                error.contains(said) && error.contains("data_batch_1"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn mutated_bytes_are_read_or_refused(
            at in 0_usize..6146, byte: u8, cut in 0_usize..6147, python: bool,
        ) {
            let (kind, path) = (&SMALL[0], Path::new("b"));
            let mut bytes = match python { true => pickled(kind, 1), false => binary(kind, 1) };
            bytes[at] = byte;
            bytes.truncate(cut);
            match python {
                true => drop(python::read(path, &bytes, kind)),
                false => {
                    let read = binary::read(path, &bytes, kind);
                    prop_assert_eq!(read.is_ok(), cut % 3073 == 0);
                }
            }
        }
    }
}
