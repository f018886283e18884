//! Quotes and line ends, looked at on the bytes' way to the CSV reader. Of a quote that never closes
//! it takes all that follows for one cell, and it counts lines by line feeds alone.

use std::fmt;
use std::io::{self, Read};

/// Passes bytes on as long as quotes are used as RFC 4180 has it, every line ending in a line feed.
pub(super) struct Quotes<R> {
    inner: R,
    separator: u8,
    state: State,
    line: u64,
    opened: u64,
    /// The last byte was a carriage return outside quotes: a line feed after it is no other line.
    returned: bool,
    /// Whether the last line has ended.
    ended: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// After a quote within quotes: the end of the cell, or half of a doubled quote.
    Closing,
}

/// A quote that is not where quotes can be.
#[derive(Debug)]
pub(super) enum QuoteError {
    /// It opens a cell that never ends.
    Unclosed { line: u64 },
    /// Something other than a separator follows the closing one.
    Followed { line: u64, opened: u64 },
}

impl<R: Read> Quotes<R> {
    pub fn new(inner: R, separator: u8) -> Self {
        Self {
            inner,
            separator,
            state: State::CellStart,
            line: 1,
            opened: 0,
            returned: false,
            ended: true,
        }
    }

    fn look_at(&mut self, byte: u8) -> Result<(), QuoteError> {
        let ends_cell = byte == self.separator || byte == b'\n';
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => State::Closing,
            (State::Quoted, _) => State::Quoted,
            (State::Closing, b'"') => State::Quoted,
            (State::CellStart, b'"') => {
                self.opened = self.line;
                State::Quoted
            }
            (_, _) if ends_cell => State::CellStart,
            // Spaces after a closing quote are harmless.
            (State::Closing, b' ') => State::Closing,
            (State::Closing, _) => {
                return Err(QuoteError::Followed {
                    line: self.line,
                    opened: self.opened,
                });
            }
            (_, _) => State::Plain,
        };
        self.line += u64::from(byte == b'\n');
        Ok(())
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.inner.read(buffer)?;
            let mut kept = 0;
            for at in 0..read {
                let mut byte = buffer[at];
                let second = std::mem::take(&mut self.returned) && byte == b'\n';
                if second {
                    continue;
                }
                if byte == b'\r' && self.state != State::Quoted {
                    self.returned = true;
                    byte = b'\n';
                }
                self.look_at(byte).map_err(io::Error::other)?;
                self.ended = byte == b'\n';
                buffer[kept] = byte;
                kept += 1;
            }
            if kept > 0 || buffer.is_empty() {
                return Ok(kept);
            }
            if read == 0 {
                return self.end(buffer);
            }
        }
    }
}

impl<R> Quotes<R> {
    /// Ends the last line.
    fn end(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.state == State::Quoted {
            let unclosed = QuoteError::Unclosed { line: self.opened };
            return Err(io::Error::other(unclosed));
        }
        let add = usize::from(!std::mem::replace(&mut self.ended, true));
        buffer.iter_mut().take(add).for_each(|byte| *byte = b'\n');
        Ok(add)
    }
}

impl std::error::Error for QuoteError {}

impl fmt::Display for QuoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed { line } => {
                write!(f, "a quote that opens in line {line} and never closes")
            }
            Self::Followed { line, opened } => write!(
                f,
                "a quote that opens in line {opened} and closes in the middle of a cell in line {line}"
            ),
        }
    }
}
