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
    let options = CsvOptions {
        label: "the label".into(),
        subject: Some("a&b".into()),
        test_fraction: 0.25,
    };
    assert_eq!(
        source,
        DataSource::Csv {
            path: "why?.csv".into(),
            options
        }
    );
    let options = CsvOptions::new("y");
    assert_eq!(
        read("csv:a?label=y").unwrap(),
        DataSource::Csv {
            path: "a".into(),
            options
        }
    );
}

#[test]
fn unreadable_sources_are_refused_with_what_to_write() {
    for text in ["", "digit", "digits:", "digits:x", "imagenet:x", ":x"] {
        assert!(matches!(read(text), Err(SourceError::Kind(_))), "{text}");
    }
    for text in ["mnist", "mnist:", "csv", "csv:", "csv:?label=y"] {
        assert!(matches!(read(text), Err(SourceError::Path(_))), "{text}");
    }
    for text in ["csv:a.csv", "csv:a.csv?subject=b"] {
        assert!(matches!(read(text), Err(SourceError::Label(_))), "{text}");
    }
    for text in [
        "label",
        "label=",
        "label=a&label=b",
        "label=a&k=1",
        "label=%ff",
    ] {
        assert!(
            matches!(read(&format!("csv:a?{text}")), Err(SourceError::Option(_))),
            "{text}"
        );
    }
    for test in ["1", "-0.1", "NaN", "x", ""] {
        let text = format!("csv:a?label=y&test={test}");
        assert!(matches!(read(&text), Err(SourceError::Option(_))), "{text}");
    }
}

proptest! {
    #[test]
    fn written_sources_are_read_back(
        path in "\\PC{1,12}", label in "\\PC{1,10}",
        subject in prop::option::of("\\PC{1,10}"), test_fraction in 0.0..1.0_f64,
    ) {
        let path: std::path::PathBuf = path.into();
        let options = CsvOptions { label, subject, test_fraction };
        let csv = DataSource::Csv { path: path.clone(), options };
        for source in [csv, DataSource::images(path.clone()),
            DataSource::Images { path, options: ImageOptions { test_fraction: Some(test_fraction) } }] {
            let text = serde_json::to_string(&source).unwrap();
            prop_assert_eq!(serde_json::from_str::<DataSource>(&text).unwrap(), source);
        }
    }
}
