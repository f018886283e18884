//! What cannot be read.

use thiserror::Error;

/// Why a file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PickleError {
    /// The file ends within something.
    #[error("it ends at byte {at} within a value: it is truncated")]
    Cut {
        /// The byte.
        at: usize,
    },
    /// An instruction that this reader does not know.
    #[error("the instruction {code:#04x} at byte {at} is none that is read here")]
    Instruction {
        /// The byte.
        at: usize,
        /// The instruction.
        code: u8,
    },
    /// An instruction that finds no value, or another than it needs.
    #[error("the instruction before byte {at} does not find the value that it needs")]
    Stack {
        /// The byte.
        at: usize,
    },
}
