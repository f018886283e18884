//! The bytes of a file, front to back.

use crate::error::PickleError;

pub(crate) struct Scanner<'f> {
    file: &'f [u8],
    at: usize,
}

impl<'f> Scanner<'f> {
    pub fn new(file: &'f [u8]) -> Self {
        Self { file, at: 0 }
    }

    pub fn position(&self) -> usize {
        self.at
    }

    pub fn take(&mut self, count: usize) -> Result<&'f [u8], PickleError> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.file.get(self.at..end));
        let taken = taken.ok_or(PickleError::Cut { at: self.at })?;
        self.at += count;
        Ok(taken)
    }

    /// Bytes under a length of so many bytes, little-endian.
    pub fn counted(&mut self, width: usize) -> Result<&'f [u8], PickleError> {
        let length = self.unsigned(width)?;
        let at = self.at;
        self.take(usize::try_from(length).map_err(|_| PickleError::Cut { at })?)
    }

    pub fn unsigned(&mut self, width: usize) -> Result<u64, PickleError> {
        let mut word = [0; 8];
        word[..width].copy_from_slice(self.take(width)?);
        Ok(u64::from_le_bytes(word))
    }

    /// A two's complement number of at most eight bytes; none if it is longer.
    pub fn long(&mut self, width: usize) -> Result<Option<i64>, PickleError> {
        let bytes = self.take(width)?;
        let fill = match bytes.last() {
            Some(top) if top & 0x80 != 0 => 0xff,
            _ => 0,
        };
        let mut word = [fill; 8];
        Ok(match word.get_mut(..width) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Some(i64::from_le_bytes(word))
            }
            None => None,
        })
    }

    /// Up to the end of the line, which is passed over.
    pub fn line(&mut self) -> Result<&'f [u8], PickleError> {
        let rest = &self.file[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n');
        let line = self.take(end.ok_or(PickleError::Cut { at: self.at })?)?;
        self.at += 1;
        Ok(line)
    }

    /// The number written on a line.
    pub fn number(&mut self) -> Result<Option<i64>, PickleError> {
        let line = std::str::from_utf8(self.line()?).unwrap_or_default();
        Ok(line.trim_end_matches('L').parse().ok())
    }
}
