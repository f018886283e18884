//! How strictly a source is read.

use crate::error::DataError;

/// How strictly a source is read, and what is known of it beforehand.
pub(crate) enum Reading<'a> {
    /// For the first time: whatever cannot be read is refused.
    First {
        /// The classes, where they were declared.
        classes: Option<&'a [String]>,
    },
    /// After records may have been taken out or blanked: what cannot be read is passed over.
    Again {
        /// The classes.
        classes: &'a [String],
        /// Shape of one input.
        input_shape: &'a [usize],
        /// The first thing that was passed over.
        unread: Option<DataError>,
    },
}

impl Reading<'_> {
    /// The classes, where they are known.
    pub fn classes(&self) -> Option<&[String]> {
        match self {
            Self::First { classes } => *classes,
            Self::Again { classes, .. } => Some(classes),
        }
    }

    /// The shape of one input, where it is known.
    pub fn input_shape(&self) -> Option<&[usize]> {
        match self {
            Self::First { .. } => None,
            Self::Again { input_shape, .. } => Some(input_shape),
        }
    }

    /// What was read, `None` where it may be passed over.
    pub fn passing<T>(&mut self, read: Result<T, DataError>) -> Result<Option<T>, DataError> {
        match (read, self) {
            (Ok(read), _) => Ok(Some(read)),
            (Err(error), Self::First { .. }) => Err(error),
            (Err(error), Self::Again { unread, .. }) => {
                unread.get_or_insert(error);
                Ok(None)
            }
        }
    }
}
