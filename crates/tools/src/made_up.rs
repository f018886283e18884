//! Made-up records: features of unit length, a class drawn from a made-up model of them.

use crate::failure::Failure;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rescind_data::DataSource;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes `x.npy` and `y.npy`, of which the first rows are the same whatever the number of records.
pub fn write(
    folder: &Path,
    (records, features, classes): (usize, usize, usize),
) -> Result<(), Failure> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let normal = |rng: &mut ChaCha8Rng| -> f64 {
        // The sum of twelve uniform numbers: near enough.
        (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
    };
    let model: Vec<f64> = (0..classes * features).map(|_| normal(&mut rng)).collect();
    let scales: Vec<f64> = (0..features)
        .map(|j| 1.0 / (1.0 + j as f64).sqrt())
        .collect();
    let mut inputs = npy(&folder.join("x.npy"), "<f4", &[records, features])?;
    let mut labels = npy(&folder.join("y.npy"), "<i4", &[records])?;
    let mut row = vec![0.0; features];
    for _ in 0..records {
        for (x, scale) in row.iter_mut().zip(&scales) {
            *x = scale * normal(&mut rng);
        }
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        row.iter_mut().for_each(|x| *x /= length);
        let score = |class: usize| {
            let own = model[class * features..].iter();
            own.zip(&row).map(|(m, x)| m * x).sum::<f64>()
        };
        let scores: Vec<f64> = (0..classes)
            .map(|class| 3.0 * score(class) + 0.5 * normal(&mut rng))
            .collect();
        let best = scores
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .map_or(0, |best| best.0);
        for x in &row {
            inputs.write_all(&(*x as f32).to_le_bytes())?;
        }
        labels.write_all(&(best as i32).to_le_bytes())?;
    }
    inputs.flush()?;
    labels.flush()?;
    Ok(())
}

/// The records of a folder that they were written to; these of every hundred are kept for testing.
pub fn source(folder: &Path, test: usize) -> Result<DataSource, Failure> {
    let source = format!(
        "npy:{}?label={}&test={}",
        folder.join("x.npy").display(),
        folder.join("y.npy").display(),
        test as f64 / 100.0
    );
    Ok(source.parse()?)
}

/// The names of so many classes.
pub fn classes(count: usize) -> Vec<String> {
    (0..count).map(|class| class.to_string()).collect()
}

/// A NumPy file of this type and shape, its header written.
fn npy(path: &Path, kind: &str, shape: &[usize]) -> Result<BufWriter<File>, Failure> {
    let shape: String = shape.iter().map(|n| format!("{n},")).collect();
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&(header.len() as u16).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    Ok(file)
}
