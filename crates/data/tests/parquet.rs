//! Parquet files: the same table as in text, and whatever a damaged file holds is refused.

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use rescind_data::*;
use std::path::Path;
use std::sync::Arc;

const SCHEMA: &str = "message table {
    required int64 id; optional double dose; required boolean sick; required binary plan (UTF8);
    required int32 day (DATE); required int64 y;
}";
const ROWS: usize = 40;

fn written() -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let rows = 0..ROWS as i64;
    let mut at = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        match at {
            0 => {
                let values: Vec<i64> = rows.clone().collect();
                column.typed::<Int64Type>().write_batch(&values, None, None)
            }
            1 => {
                let defined: Vec<i16> = rows.clone().map(|i| i16::from(i % 10 != 3)).collect();
                let present = rows.clone().filter(|i| i % 10 != 3);
                let values: Vec<f64> = present.map(|i| i as f64 + 0.5).collect();
                let typed = column.typed::<DoubleType>();
                typed.write_batch(&values, Some(&defined), None)
            }
            2 => {
                let values: Vec<bool> = rows.clone().map(|i| i % 3 == 0).collect();
                column.typed::<BoolType>().write_batch(&values, None, None)
            }
            3 => {
                let values = rows
                    .clone()
                    .map(|i| ByteArray::from(["basic", "plus"][i as usize % 2]));
                let values: Vec<ByteArray> = values.collect();
                column
                    .typed::<ByteArrayType>()
                    .write_batch(&values, None, None)
            }
            4 => {
                let values: Vec<i32> = rows.clone().map(|i| 19_000 + i as i32).collect();
                column.typed::<Int32Type>().write_batch(&values, None, None)
            }
            _ => {
                let values: Vec<i64> = rows.clone().map(|i| i % 2).collect();
                column.typed::<Int64Type>().write_batch(&values, None, None)
            }
        }
        .unwrap();
        column.close().unwrap();
        at += 1;
    }
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

fn read(path: &Path, options: &str) -> Result<Data, DataError> {
    let source = format!("parquet:{}?label=y&{options}", path.display());
    load(&source.parse().unwrap(), None)
}

const OPTIONS: &str = "test=0&drop=day&categories=plan:basic&missing=mark";

#[test]
fn a_table_in_parquet_is_the_same_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.parquet");
    std::fs::write(&path, written()).unwrap();
    let data = read(&path, OPTIONS).unwrap().train;
    let row = |i: usize| {
        let dose = if i % 10 == 3 {
            String::new()
        } else {
            format!("{i}.5")
        };
        let (sick, plan) = (
            if i.is_multiple_of(3) { "True" } else { "False" },
            ["basic", "plus"][i % 2],
        );
        format!("{i},{dose},{sick},{plan},2022-01-08,{}\n", i % 2)
    };
    let text: String = (0..ROWS).map(row).collect();
    let csv = folder.path().join("people.csv");
    std::fs::write(&csv, format!("id,dose,sick,plan,day,y\n{text}")).unwrap();
    let source = format!("csv:{}?label=y&{OPTIONS}", csv.display());
    let same = load(&source.parse().unwrap(), None).unwrap().train;
    assert_eq!(data.inputs(), same.inputs());
    assert_eq!(data.labels(), same.labels());
    assert_eq!(data.class_names(), ["0", "1"]);
    assert_eq!(data.lines().unwrap()[..3], [1, 2, 3]);

    let error = read(&path, "test=0").unwrap_err();
    let DataError::Cells {
        problems, options, ..
    } = &error
    else {
        panic!("{error}");
    };
    let found: Vec<&str> = problems
        .iter()
        .map(|problem| problem.column.as_str())
        .collect();
    assert_eq!(found, ["dose", "plan", "day"]);
    assert_eq!(options, "&drop=day&hash=plan&missing=mark");
    let error = read(&csv, OPTIONS).unwrap_err().to_string();
    assert!(error.contains("cannot be read as Parquet"), "{error}");
}

/// Whatever bytes there are, they are read or refused.
#[test]
fn damaged_files_are_refused_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.parquet");
    let whole = written();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = read(&path, OPTIONS).unwrap_err();
        assert!(
            matches!(error, DataError::Table { .. }),
            "{length}: {error}"
        );
    }
    let mut refused = 0;
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            std::fs::write(&path, &bytes).unwrap();
            refused += usize::from(read(&path, OPTIONS).is_err());
        }
    }
    assert!(
        refused > whole.len() / 2,
        "{refused} of {}",
        3 * whole.len()
    );
}
