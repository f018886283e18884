//! How sources are written.

use proptest::prelude::*;
use rescind_data::*;

fn read(text: &str) -> Result<DataSource, SourceError> {
    text.parse()
}

#[test]
fn every_kind_of_source_is_read() {
    assert_eq!(read("digits").unwrap(), DataSource::default());
    assert_eq!(
        read("mnist:data/m").unwrap(),
        DataSource::Mnist("data/m".into())
    );
    assert_eq!(read("cifar10:c").unwrap(), DataSource::Cifar10("c".into()));
    assert_eq!(
        read("svhn:C:\\s").unwrap(),
        DataSource::Svhn("C:\\s".into())
    );
    assert_eq!(read("images:i").unwrap(), DataSource::images("i"));
    let source = read("csv:why?.csv?label=the%20label&subject=a%26b&test=0.25").unwrap();
    let options = TableOptions {
        subject: Some("a&b".into()),
        test_fraction: 0.25,
        ..TableOptions::new("the label")
    };
    assert_eq!(source, csv("why?.csv", options));
    let options = TableOptions::new("y");
    assert_eq!(read("csv:a?label=y").unwrap(), csv("a", options.clone()));
    let (format, path) = (TableFormat::Parquet, "a".into());
    assert_eq!(
        read("parquet:a?label=y").unwrap(),
        DataSource::Table {
            format,
            path,
            options
        }
    );
}

fn csv(path: &str, options: TableOptions) -> DataSource {
    DataSource::Table {
        format: TableFormat::Csv,
        path: path.into(),
        options,
    }
}

#[test]
fn options_of_tables_are_read() {
    let encodings = [
        ("plan", Encoding::Categories(vec!["a|b".into(), "c".into()])),
        ("city", Encoding::Hashed(64)),
        ("x:y", Encoding::Hashed(Encoding::BUCKETS)),
        (
            "age",
            Encoding::Range {
                low: -1.5,
                high: 120.0,
            },
        ),
    ];
    let expected = TableOptions {
        keep: vec!["age".into(), "plan".into(), "city".into(), "x:y".into()],
        drop: vec!["a,b".into()],
        encodings: encodings
            .map(|(name, encoding)| (name.to_owned(), encoding))
            .into(),
        missing: Missing::Fill(-0.5),
        separator: Some('\t'),
        decimal_comma: true,
        ..TableOptions::new("y")
    };
    let text = "csv:t?label=y&keep=age,plan,city,x%3Ay&drop=a%2Cb&categories=plan:a%7Cb|c\
                &hash=city:64,x%3Ay&range=age:-1.5:120&missing=-0.5&separator=tab&decimal=comma";
    assert_eq!(read(text).unwrap(), csv("t", expected));
    for (text, missing) in [
        ("refuse", Missing::Refuse),
        ("drop", Missing::DropRow),
        ("mark", Missing::Mark),
    ] {
        let options = TableOptions {
            missing,
            ..TableOptions::new("y")
        };
        let text = format!("csv:t?label=y&missing={text}");
        assert_eq!(read(&text).unwrap(), csv("t", options));
    }
}

#[test]
fn unreadable_sources_are_refused_with_what_to_write() {
    for text in ["", "digit", "digits:", "digits:x", "imagenet:x", ":x"] {
        assert!(matches!(read(text), Err(SourceError::Kind(_))), "{text}");
    }
    for text in ["mnist", "mnist:", "csv", "csv:", "csv:?label=y"] {
        assert!(matches!(read(text), Err(SourceError::Path(_))), "{text}");
    }
    let refused = |text: &str| match read(text) {
        Err(SourceError::Table { error, .. }) => error,
        other => panic!("{text}: {other:?}"),
    };
    for text in ["csv:a.csv", "csv:a.csv?subject=b", "parquet:a?drop=b"] {
        assert_eq!(refused(text), OptionError::Label, "{text}");
    }
    for text in [
        "label",
        "label=",
        "label=a&label=b",
        "label=a&k=1",
        "label=y&test=",
    ] {
        let error = refused(&format!("csv:a?{text}"));
        assert!(matches!(error, OptionError::Unknown(_)), "{text}");
    }
    for wrong in [
        "subject=%ff",
        "test=1",
        "test=-0.1",
        "test=NaN",
        "test=x",
        "keep=a,",
        "hash=a:0",
        "hash=a:65537",
        "hash=a:1:2",
        "hash=a,a",
        "hash=a&range=a:0:1",
        "range=a:1:1",
        "range=a:1",
        "range=a:0:inf",
        "range=a:-3e38:3e38",
        "categories=a",
        "categories=a:x|x",
        "categories=a:x|",
        "missing=mean",
        "missing=nan",
        "separator=,",
        "decimal=dot",
    ] {
        let error = refused(&format!("csv:a?label=y&{wrong}"));
        assert!(
            matches!(error, OptionError::Value { .. }),
            "{wrong}: {error}"
        );
    }
}

proptest! {
    #[test]
    fn written_sources_are_read_back(
        path in "\\PC{1,12}", label in "\\PC{1,10}",
        subject in prop::option::of("\\PC{1,10}"), test_fraction in 0.0..1.0_f64,
        keep in prop::collection::vec("\\PC{1,6}", 0..3),
        categories in prop::collection::btree_set("\\PC{1,6}", 1..4),
        fill in -1e3..1e3_f32,
    ) {
        let path: std::path::PathBuf = path.into();
        let encoding = Encoding::Categories(categories.into_iter().collect());
        let range = Encoding::Range { low: -fill.abs() - 1.0, high: fill.abs() };
        let options = TableOptions {
            subject, test_fraction,
            drop: keep.iter().rev().cloned().collect(),
            encodings: [(label.clone(), encoding), (format!("{label}:"), range)].into(),
            keep, missing: Missing::Fill(fill),
            ..TableOptions::new(label)
        };
        let csv = DataSource::Table { format: TableFormat::Csv, path: path.clone(), options };
        for source in [csv, DataSource::images(path.clone()),
            DataSource::Images { path, options: ImageOptions { test_fraction: Some(test_fraction) } }] {
            let text = serde_json::to_string(&source).unwrap();
            prop_assert_eq!(serde_json::from_str::<DataSource>(&text).unwrap(), source);
        }
    }
}
