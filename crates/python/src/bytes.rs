//! Vectors as bytes, little-endian.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyList};

/// A number that crosses.
pub trait Number: Copy {
    /// Its bytes.
    const SIZE: usize;
    fn write(self, bytes: &mut [u8]);
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Number for $type {
            const SIZE: usize = size_of::<$type>();

            fn write(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }

            fn read(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$type>()];
                own.copy_from_slice(bytes);
                <$type>::from_le_bytes(own)
            }
        }
    )*};
}

number!(f32, f64, i64, u32);

/// A copy that Python owns: whatever is kept of it there points at no memory of this side.
pub fn given<'py, T: Number>(py: Python<'py>, numbers: &[T]) -> PyResult<Bound<'py, PyByteArray>> {
    PyByteArray::new_with(py, numbers.len() * T::SIZE, |bytes| {
        for (number, own) in numbers.iter().zip(bytes.chunks_exact_mut(T::SIZE)) {
            number.write(own);
        }
        Ok(())
    })
}

/// The same in a list, for Python to take out and let go of once it has made use of it.
pub fn handed<'py, T: Number>(py: Python<'py>, numbers: &[T]) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, [given(py, numbers)?])
}

/// Reads a vector of known length back.
pub fn taken<T: Number>(array: &Bound<'_, PyByteArray>, into: &mut [T]) -> PyResult<()> {
    // SAFETY: no code of Python runs while they are read, so that they neither move nor change.
    let bytes = unsafe { array.as_bytes() };
    if bytes.len() != into.len() * T::SIZE {
        return Err(PyValueError::new_err(format!(
            "a vector of {} numbers was expected, found {} bytes",
            into.len(),
            bytes.len()
        )));
    }
    for (number, own) in into.iter_mut().zip(bytes.chunks_exact(T::SIZE)) {
        *number = T::read(own);
    }
    Ok(())
}

/// Reads a vector of any length.
pub fn read<T: Number>(bytes: &[u8], what: &str) -> PyResult<Vec<T>> {
    match bytes.len() % T::SIZE {
        0 => Ok(bytes.chunks_exact(T::SIZE).map(T::read).collect()),
        _ => Err(PyValueError::new_err(format!(
            "{what} has {} bytes, which is no whole number of numbers of {} bytes",
            bytes.len(),
            T::SIZE
        ))),
    }
}

/// So many zeros, for Python to write into.
pub fn zeros<T: Number>(py: Python<'_>, count: usize) -> PyResult<Bound<'_, PyByteArray>> {
    PyByteArray::new_with(py, count * T::SIZE, |_| Ok(()))
}

/// Positions of records, int64.
pub fn positions<'py>(py: Python<'py>, records: &[usize]) -> PyResult<Bound<'py, PyByteArray>> {
    let records: Vec<i64> = records.iter().map(|&record| record as i64).collect();
    given(py, &records)
}
